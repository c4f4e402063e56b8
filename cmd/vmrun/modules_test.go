// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeModule is an object file with nothing but a description in it.
func fakeModule(depends string) []byte {
	names := "\x00.shstrtab\x00.modinfo\x00"
	info := "license=GPL\x00depends=" + depends + "\x00"
	le := binary.LittleEndian

	b := elfHeader(2)
	offNames := uint64(len(b))
	b = append(b, names...)
	offInfo := uint64(len(b))
	b = append(b, info...)
	le.PutUint64(b[40:], uint64(len(b))) // section headers
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[58:], 64)
	le.PutUint16(b[60:], 3)
	le.PutUint16(b[62:], 1)

	for _, s := range []struct {
		name, kind  uint32
		off, length uint64
	}{{}, {1, 3, offNames, uint64(len(names))}, {11, 1, offInfo, uint64(len(info))}} {
		h := make([]byte, 64)
		le.PutUint32(h[0:], s.name)
		le.PutUint32(h[4:], s.kind)
		le.PutUint64(h[24:], s.off)
		le.PutUint64(h[32:], s.length)
		b = append(b, h...)
	}
	return b
}

func TestAddModules(t *testing.T) {
	k := kernel{Release: "6.1.0-1", Dir: t.TempDir()}
	dir := filepath.Join(k.Dir, "lib", "modules", k.Release, "kernel")
	must(t, os.MkdirAll(dir, 0o755))
	for name, depends := range map[string]string{
		"top.ko": "middle-one,base", "middle-one.ko": "base", "base.ko": "", "broken.ko": "absent",
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), fakeModule(depends), 0o644))
	}

	order, err := addModules(newTree(), k, []string{"top", "base"})
	must(t, err)
	want := "/vmrun-modules/base.ko /vmrun-modules/middle_one.ko /vmrun-modules/top.ko"
	if got := strings.Join(order, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, name := range []string{"none", "broken"} {
		if _, err := addModules(newTree(), k, []string{name}); err == nil {
			t.Errorf("module %s: no error", name)
		}
	}
}
