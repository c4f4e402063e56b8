// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func hostLinker(t *testing.T) *linker {
	t.Helper()
	l, err := newLinker("/etc/ld.so.conf")
	must(t, err)
	return l
}

func TestClosure(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	must(t, os.WriteFile(script, []byte("#! /bin/sh -e\ntrue\n"), 0o755))

	for _, tc := range []struct {
		name, program string
		want          []string // endings, one needed file each
	}{
		{"dynamic program", "/bin/sh", []string{"/ld-linux-x86-64.so.2", "/libc.so.6"}},
		{"script", script, []string{"/bin/sh", "/ld-linux-x86-64.so.2", "/libc.so.6"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := hostLinker(t).Closure(tc.program)
			must(t, err)
			for _, want := range tc.want {
				if !slices.ContainsFunc(got, func(f string) bool { return strings.HasSuffix(f, want) }) {
					t.Errorf("no %s in %q", want, got)
				}
			}
			for i, f := range got {
				if slices.Contains(got[:i], f) {
					t.Errorf("%s is there twice", f)
				}
			}
		})
	}
}

func TestClosureErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	must(t, os.WriteFile(text, []byte("no program\n"), 0o755))
	bad := filepath.Join(dir, "bad")
	must(t, os.WriteFile(bad, []byte("#!\n"), 0o755))
	nowhere := &linker{dirs: []string{dir}}

	for _, tc := range []struct {
		name    string
		linker  *linker
		program string
	}{
		{"neither program nor script", hostLinker(t), text},
		{"script without interpreter", hostLinker(t), bad},
		{"missing program", hostLinker(t), filepath.Join(dir, "none")},
		{"missing library", nowhere, "/bin/sh"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := tc.linker.Closure(tc.program); err == nil {
				t.Errorf("no error, but %q", got)
			}
		})
	}
}

func TestFindLibraryPassesOverOtherWordSizes(t *testing.T) {
	narrow, wide := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(narrow, "libx.so"), elfHeader(elf.ELFCLASS32), 0o644))
	must(t, os.WriteFile(filepath.Join(wide, "libx.so"), elfHeader(elf.ELFCLASS64), 0o644))

	got, ok := findLibrary("libx.so", []string{"/nonexistent", narrow, wide}, elf.ELFCLASS64)
	if !ok || got != filepath.Join(wide, "libx.so") {
		t.Errorf("got %q, %v", got, ok)
	}
	if got, ok := findLibrary("libx.so", []string{narrow}, elf.ELFCLASS64); ok {
		t.Errorf("took %q, which has the wrong word size", got)
	}
}

// elfHeader returns the header of an empty little-endian file.
func elfHeader(class elf.Class) []byte {
	size := 64
	if class == elf.ELFCLASS32 {
		size = 52
	}
	h := make([]byte, size)
	copy(h, elf.ELFMAG)
	h[elf.EI_CLASS], h[elf.EI_DATA], h[elf.EI_VERSION] = byte(class), byte(elf.ELFDATA2LSB), 1
	h[16], h[20] = byte(elf.ET_DYN), 1
	return h
}

func TestReadLinkerConfig(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "ld.so.conf")
	must(t, os.Mkdir(filepath.Join(dir, "conf.d"), 0o755))
	must(t, os.WriteFile(conf, []byte("# comment\n/first # why\ninclude conf.d/*.conf\n/last\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "conf.d", "a.conf"), []byte("/a\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "conf.d", "b.conf"), []byte("\n/b\n"), 0o644))

	got, err := readLinkerConfig(conf, 0)
	must(t, err)
	if want := "/first /a /b /last"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %s", got, want)
	}

	must(t, os.WriteFile(conf, []byte("include "+conf+"\n"), 0o644))
	if _, err := readLinkerConfig(conf, 0); err == nil {
		t.Error("a file that includes itself is no error")
	}
	if got, err := readLinkerConfig(filepath.Join(dir, "none"), 0); got != nil || err != nil {
		t.Errorf("missing file: got %q, %v", got, err)
	}
}
