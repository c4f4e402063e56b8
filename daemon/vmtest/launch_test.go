//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"caisson/audit"
)

// caisson runs the command and returns its output and exit status.
func caisson(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(commandPath, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

const bash = "/bin/bash"

// The launched program is the process that was asked for: its input, output, environment, exit status and signals are
// nobody else's.
func TestVMLaunchPassesThrough(t *testing.T) {
	t.Run("output and status", func(t *testing.T) {
		out, errs, status := caisson(t, "run", "--agent", "coding-agent", "--", bash, "-c", "echo out; echo err >&2; exit 7")
		if out != "out\n" || errs != "err\n" || status != 7 {
			t.Errorf("stdout %q, stderr %q, status %d", out, errs, status)
		}
	})
	t.Run("input and environment", func(t *testing.T) {
		cmd := exec.Command(commandPath, "run", "--agent", "coding-agent", "--", bash, "-c", "read line; echo $line $FOO")
		cmd.Stdin = strings.NewReader("in\n")
		cmd.Env = append(os.Environ(), "FOO=bar")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "in bar\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
	t.Run("descriptors", func(t *testing.T) {
		extra, err := os.Open("/data/research/dataset.csv")
		if err != nil {
			t.Fatal(err)
		}
		defer extra.Close()
		cmd := exec.Command(commandPath, "run", "--agent", "coding-agent", "--", bash, "-c", "if [ -e /proc/self/fd/3 ]; then echo inherited; fi; [ -e /proc/self/fd/2 ] && echo rest")
		cmd.ExtraFiles = []*os.File{extra}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "rest\n" {
			t.Errorf("%q, %v", out, err)
		}
	})
	t.Run("signal", func(t *testing.T) {
		cmd := exec.Command(commandPath, "run", "--agent", "coding-agent", "--", bash, "-c", "trap 'echo caught; exit 9' TERM; echo ready; while :; do read -t 1 x; done")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		n, _ := out.Read(buf)
		if string(buf[:n]) != "ready\n" {
			t.Fatalf("%q", buf[:n])
		}
		cmd.Process.Signal(syscall.SIGTERM)
		n, _ = out.Read(buf)
		cmd.Wait()
		if string(buf[:n]) != "caught\n" || cmd.ProcessState.ExitCode() != 9 {
			t.Errorf("%q, status %d", buf[:n], cmd.ProcessState.ExitCode())
		}
	})
	t.Run("first instruction", func(t *testing.T) {
		// The very first program is already confined: its own loader's opens are in the log.
		out, _, status := caisson(t, "run", "--agent", "coding-agent", "--", "/usr/bin/cat", "/data/research/dataset.csv")
		if out != "" || status != 1 {
			t.Errorf("cat printed %q, status %d", out, status)
		}
		theHost.logged(t, audit.Filter{Agent: "coding-agent", Kind: audit.KindExec}, "the launch itself", func(r audit.Record) bool {
			return r.Path == "/usr/bin/cat" && r.Enforced == "allow" && r.Run != "" && strings.HasPrefix(r.Reason, "launch: ")
		})
	})
}

func TestVMLaunchRefusals(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"unknown agent", []string{"run", "--agent", "nosuch", "--", "/bin/true"}, 125, "no policy"},
		{"bad name", []string{"run", "--agent", "../x", "--", "/bin/true"}, 2, "agent"},
		{"no program", []string{"run", "--agent", "coding-agent", "--", "/no/such/program"}, 127, "/no/such/program"},
		{"no agent", []string{"run", "--", "/bin/true"}, 2, "agent"},
		{"not executable", []string{"run", "--agent", "coding-agent", "--", "/etc/passwd"}, 126, "/etc/passwd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, errs, status := caisson(t, tc.args...)
			if status != tc.status || out != "" || !strings.Contains(errs, tc.says) || !strings.HasPrefix(errs, "caisson: ") {
				t.Errorf("stdout %q, stderr %q, status %d", out, errs, status)
			}
		})
	}
}

// A run that ended leaves no cgroup behind.
func TestVMRunIsCleanedUp(t *testing.T) {
	if _, _, status := caisson(t, "run", "--agent", "coding-agent", "--", bash, "-c", "exit 0"); status != 0 {
		t.Fatalf("status %d", status)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		st, err := theHost.status()
		if err != nil {
			t.Fatal(err)
		}
		runs := 0
		for _, a := range st.Agents {
			runs += len(a.Runs)
		}
		if runs == 0 {
			return
		}
	}
	t.Error("a run is still there after its last process ended")
}
