// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	t.Setenv("CAISSON_KERNEL", "6.1")
	opt, err := parseOptions([]string{
		"-file", "a=/b", "-prog", "/bin/cat", "-prog", "x=/usr/bin/y", "-dir", "d=/e/", "-env", "K=V=W", "-icount",
		"prog", "-test.v", "-kernel", "5.10",
	})
	must(t, err)

	if opt.Kernel != "6.1" || opt.CPUs != 1 {
		t.Errorf("kernel %s, %d processors", opt.Kernel, opt.CPUs)
	}
	if want := []string{"prog", "-test.v", "-kernel", "5.10"}; !slices.Equal(opt.Args, want) {
		t.Errorf("the program's own flags were read: %q", opt.Args)
	}
	if want := []mapping{{"/bin/cat", "/bin/cat"}, {"x", "/usr/bin/y"}}; !slices.Equal(opt.Progs, want) {
		t.Errorf("programs %v", opt.Progs)
	}
	if opt.Files[0] != (mapping{"a", "/b"}) || opt.Dirs[0] != (mapping{"d", "/e"}) || opt.Env[0] != "K=V=W" {
		t.Errorf("got %+v", opt)
	}
}

func TestParseOptionsRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"no program", nil, "no program"},
		{"file without a guest path", []string{"-file", "a", "prog"}, "HOST=GUEST"},
		{"relative guest path", []string{"-dir", "a=b", "prog"}, "absolute"},
		{"hidden guest path", []string{"-file", "a=/tmp/b", "prog"}, "hidden by the mount on /tmp"},
		{"variable without a value", []string{"-env", "K", "prog"}, "K=V"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseOptions(tc.args)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want something about %q", err, tc.want)
			}
		})
	}
}

func TestGuestEnv(t *testing.T) {
	env := guestEnv([]string{"CAISSON_X=1", "SECRET=2", "GODEBUG=a=b", "PATH=/evil"}, []string{"K=V"})
	for _, want := range []string{"CAISSON_X=1", "GODEBUG=a=b", "K=V", "HOME=/root"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
	for _, kv := range env {
		if kv == "SECRET=2" || kv == "PATH=/evil" {
			t.Errorf("%s was passed", kv)
		}
	}
}

func TestGuestArgs(t *testing.T) {
	got := guestArgs([]string{"-test.testlogfile=/tmp/x", "-test.run=A", "-test.timeout=1m"})
	if want := []string{"-test.run=A", "-test.timeout=1m"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestQemuArgs(t *testing.T) {
	args := qemuArgs(&options{CPUs: 1, Memory: "1G", Icount: true, Append: "lsm=bpf"}, "/k", "/i", "/a,b")
	line := strings.Join(args, " ")
	for _, want := range []string{"tcg,thread=single", "-icount shift=0,sleep=off", "-no-reboot", "rdinit=/init lsm=bpf", "path=/a,,b"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %s", want, line)
		}
	}

	line = strings.Join(qemuArgs(&options{CPUs: 2, Memory: "2G"}, "/k", "/i", "/s"), " ")
	if !strings.Contains(line, "tcg,thread=single") || !strings.Contains(line, "-smp 2") || strings.Contains(line, "icount") {
		t.Errorf("two processors on one thread, by the clock: %s", line)
	}
}
