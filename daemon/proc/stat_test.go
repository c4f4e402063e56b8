// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

const rest = " S 7 7 7 34816 7 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0"

func TestParse(t *testing.T) {
	for _, comm := range []string{"bash", "a) R 1 (b", "", "x\ny z"} {
		got, err := parse([]byte("9 (" + comm + ")" + rest))
		if want := (Stat{comm, 'S', 7, 34816, 12345}); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", comm, got, err, want)
		}
	}
	for _, bad := range []string{"", "9 bash" + rest, "9 )(" + rest, "9 (bash) S 7 7", "9 (bash)" + strings.Replace(rest, "12345", "x", 1), "9 (bash)" + strings.Replace(rest, " 7 7 7", " y 7 7", 1)} {
		if got, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestOwn(t *testing.T) {
	pid := os.Getpid()
	p, err := OfProcess(pid)
	if err != nil || p.PPID != os.Getppid() || p.Start == 0 {
		t.Errorf("%+v, %v", p, err)
	}
	first, err := OfThread(pid, pid)
	if err != nil || first.Start != p.Start {
		t.Errorf("%+v, %v", first, err)
	}
	if _, err := OfProcess(1 << 22); !errors.Is(err, fs.ErrNotExist) { // above every number that the kernel gives
		t.Errorf("nobody: %v", err)
	}
}
