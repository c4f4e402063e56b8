// SPDX-License-Identifier: Apache-2.0

//go:build vm

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These tests run on the host and boot guests with the vmrun that they build;
// the program in the guest is this test binary again, in the role that the
// variable names. CAISSON_KERNEL chooses the kernel.
const roleVariable = "CAISSON_VMRUN_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playRole(role))
	}
	os.Exit(buildAndRun(m))
}

// vmrunBinary is the program under test.
var vmrunBinary string

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vmrun-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	vmrunBinary = filepath.Join(dir, "vmrun")
	build := exec.Command("go", "build", "-trimpath", "-o", vmrunBinary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building vmrun: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// everyByte is output that any translation on the way would change.
func everyByte() []byte {
	var b []byte
	for i := range 4096 {
		b = append(b, byte(i), '\n', byte(i>>8), '\r')
	}
	return b
}

// guestRun is what came of one guest.
type guestRun struct {
	status         int
	stdout, stderr string
	took           time.Duration
}

// guestCommand is vmrun with a guest in which this binary plays a role.
func guestCommand(t *testing.T, role string, flags ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(vmrunBinary, append(flags, self, "an argument", "-x")...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// runGuest boots a guest and waits for its end.
func runGuest(t *testing.T, role string, flags ...string) guestRun {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := guestCommand(t, role, flags...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr

	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	run := guestRun{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
	t.Logf("%s: exit status %d after %v", role, run.status, run.took.Round(10*time.Millisecond))
	return run
}

func TestVMGuestIsWhatItShouldBe(t *testing.T) {
	run := runGuest(t, "inspect", "-env", "CAISSON_SECOND=two", "-prog", "/bin/cat", "-module", "overlay",
		"-file", "main.go=/srv/copied.go", "-dir", "testdata=/srv/data")
	if run.status != 0 {
		t.Fatalf("exit status %d\n%s%s", run.status, run.stdout, run.stderr)
	}
	series := os.Getenv("CAISSON_KERNEL")
	if series != "" && !strings.Contains(run.stdout, "Linux version "+series+".") {
		t.Errorf("wanted kernel %s, ran on %s", series, run.stdout)
	}
}

func TestVMStatusAndBytes(t *testing.T) {
	run := runGuest(t, "bytes")
	if run.status != 3 {
		t.Errorf("exit status %d, want 3", run.status)
	}
	if run.stdout != string(everyByte()) {
		t.Errorf("%d bytes arrived, not the %d that were written", len(run.stdout), len(everyByte()))
	}
	if run.stderr != "error output\r\n" {
		t.Errorf("error output %q", run.stderr)
	}
}

func TestVMOrphansEndWithTheProgram(t *testing.T) {
	run := runGuest(t, "orphans")
	if run.status != 128+15 {
		t.Errorf("exit status %d, want 143 for a program ended by SIGTERM", run.status)
	}
	if run.took > 30*time.Second {
		t.Errorf("took %v: a survivor kept the output open", run.took)
	}
}

func TestVMTimeout(t *testing.T) {
	run := runGuest(t, "hang", "-timeout", "30s", "-append", "loglevel=6")
	if run.status != exitTimeout {
		t.Errorf("exit status %d, want %d", run.status, exitTimeout)
	}
	for _, want := range []string{"timeout", "last lines of the console", "Linux version", "playRole"} {
		if !strings.Contains(run.stderr, want) {
			t.Errorf("error output does not show %q:\n%s", want, run.stderr)
		}
	}
	if run.took > 50*time.Second {
		t.Errorf("took %v to notice a timeout of 30 s", run.took)
	}
}

func TestVMPanic(t *testing.T) {
	run := runGuest(t, "panic")
	if run.status != exitMachine {
		t.Errorf("exit status %d, want %d", run.status, exitMachine)
	}
	if !strings.Contains(run.stderr, "Kernel panic") {
		t.Errorf("the console is not in the error output:\n%s", run.stderr)
	}
}

func TestVMNothingOutlivesVmrun(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			// The work directory is in QEMU's command line: a mark to find it by.
			mark := t.TempDir()
			cmd := guestCommand(t, "hang")
			cmd.Env = append(cmd.Env, "TMPDIR="+mark)
			must(t, cmd.Start())
			if !eventually(10*time.Second, func() bool { return runsWith(t, mark) }) {
				t.Fatal("no QEMU was started")
			}

			must(t, cmd.Process.Signal(sig))
			err := cmd.Wait()
			if err == nil {
				t.Error("a stopped vmrun reports success")
			}
			if !eventually(5*time.Second, func() bool { return !runsWith(t, mark) }) {
				t.Error("QEMU is still running")
			}
		})
	}
}

// runsWith reports whether QEMU runs with the mark in its command line.
func runsWith(t *testing.T, mark string) bool {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && bytes.HasPrefix(text, []byte("qemu-system-")) && bytes.Contains(text, []byte(mark)) {
			return true
		}
	}
	return false
}

func eventually(limit time.Duration, condition func() bool) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}
