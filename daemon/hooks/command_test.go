// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// script is a hook that runs a shell script; DIR in it is a directory of its own.
func script(t *testing.T, text string) (h Hook, d string) {
	t.Helper()
	d = dir(t)
	path := write(t, filepath.Join(d, "hook.sh"), "#!/bin/sh\n"+strings.ReplaceAll(text, "DIR", d), 0o755)
	return Hook{Name: "pager", Command: []string{path, "a b", "$(touch DIR/shell)"}}, d
}

// runHook makes one attempt and returns what was logged.
func runHook(t *testing.T, h Hook, j *job, limit time.Duration) (result, string) {
	t.Helper()
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r := newCommand(h, slog.New(slog.NewTextHandler(&log, nil))).deliver(ctx, j)
	return r, log.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCommand: a command gets its words, the notice and a small environment, and nothing else.
func TestCommand(t *testing.T) {
	t.Setenv("CAISSON_SECRET", "of the daemon")
	h, d := script(t, `cat >DIR/stdin
printf '%s|' "$@" >DIR/words
env >DIR/env
pwd >DIR/pwd
grep -E '^(Cap|NoNewPrivs)' /proc/self/status >DIR/caps
cut -d' ' -f1,5,6 /proc/$$/stat >DIR/ids
echo to the log; echo and this >&2
`)
	j := testJob()
	r, log := runHook(t, h, j, 10*time.Second)
	if r.err != nil {
		t.Fatal(r.err)
	}

	if got := read(t, d+"/stdin"); got != string(j.body) {
		t.Errorf("standard input %q", got)
	}
	if got := read(t, d+"/words"); got != "a b|$(touch DIR/shell)|" {
		t.Errorf("words %q", got)
	}
	env := strings.Fields(read(t, d+"/env"))
	for _, want := range []string{"CAISSON_EVENT=approval.request", "CAISSON_DELIVERY=" + j.delivery, "HOME=/", "LANG=C.UTF-8"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is not in the environment", want)
		}
	}
	for _, v := range env { // a shell adds PWD, OLDPWD, SHLVL and _
		name, _, _ := strings.Cut(v, "=")
		if !slices.Contains([]string{"CAISSON_EVENT", "CAISSON_DELIVERY", "HOME", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}, name) {
			t.Errorf("%s is in the environment", v)
		}
	}
	if got := read(t, d+"/pwd"); got != "/\n" {
		t.Errorf("works in %q", got)
	}
	ids := strings.Fields(read(t, d+"/ids"))
	if len(ids) != 3 || ids[0] != ids[1] || ids[0] != ids[2] {
		t.Errorf("process, group, session: %q", ids)
	}
	for line := range strings.Lines(read(t, d+"/caps")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		if name == "NoNewPrivs" && value != "1" || (name == "CapEff" || name == "CapPrm") && strings.Trim(value, "0") != "" {
			t.Errorf("%s %s", name, value)
		}
	}
	if !strings.Contains(log, `output="to the log\nand this\n"`) {
		t.Errorf("logged %s", log)
	}
}

// TestCommandDescriptors: nothing that the daemon has open is open in a command, not even what it was itself given.
func TestCommandDescriptors(t *testing.T) {
	leak, err := syscall.Dup(2) // without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leak)
	r, log := runHook(t, Hook{Name: "pager", Command: []string{"/bin/ls", "/proc/self/fd"}}, testJob(), 10*time.Second)
	if r.err != nil || !strings.Contains(log, `output="0\n1\n2\n3\n"`) { // 3 is the directory that ls lists
		t.Errorf("%v: %s", r.err, log)
	}
}

// TestCommandKeepsTheDaemonsPowers: what a command cannot do, the daemon still can.
func TestCommandKeepsTheDaemonsPowers(t *testing.T) {
	before := powers(t)
	h, _ := script(t, "exit 0")
	for range 20 {
		if r, _ := runHook(t, h, testJob(), 10*time.Second); r.err != nil {
			t.Fatal(r.err)
		}
	}
	if after := powers(t); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}

// powers are the capabilities of every thread that lives for longer than a moment: those of the main thread, and of one that
// Go makes for the caller.
func powers(t *testing.T) string {
	t.Helper()
	var got string
	onSpareThread(func() {
		for _, file := range []string{"/proc/self/status", "/proc/thread-self/status"} {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			for line := range strings.Lines(string(b)) {
				if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") {
					got += line
				}
			}
		}
	})
	return got
}

func TestCommandFails(t *testing.T) {
	gone, d := script(t, "")
	if err := os.Remove(gone.Command[0]); err != nil {
		t.Fatal(err)
	}
	loose, _ := script(t, "touch DIR/ran")
	if err := os.Chmod(loose.Command[0], 0o777); err != nil {
		t.Fatal(err)
	}
	broken := Hook{Name: "pager", Command: []string{write(t, filepath.Join(d, "broken"), "#!/no/such/interpreter\n", 0o755)}}
	status, _ := script(t, "echo why >&2; exit 7")
	signalled, _ := script(t, "kill -TERM $$")
	for _, tc := range []struct {
		name string
		hook Hook
		says string
		logs string
	}{
		{"exit status", status, "exit status 7", `output="why\n"`},
		{"signal", signalled, "signal: terminated", ""},
		{"gone", gone, "no such file", ""},
		{"others can change it by now", loose, "others than its owner may change it", ""},
		{"cannot be executed", broken, "no such file", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, log := runHook(t, tc.hook, testJob(), 10*time.Second)
			if r.err == nil || r.final || !strings.Contains(r.err.Error(), tc.says) || !strings.Contains(log, tc.logs) {
				t.Errorf("%+v, logged %s", r, log)
			}
		})
	}
}

// TestCommandOutput: a command that says much is not stopped by that, and little of it is kept.
func TestCommandOutput(t *testing.T) {
	h, d := script(t, "yes | head -c 3000000; touch DIR/done")
	r, log := runHook(t, h, testJob(), 20*time.Second)
	if r.err != nil || len(log) > 4*maxOutput || !strings.Contains(log, "cut=true") {
		t.Errorf("%+v, %d bytes logged", r, len(log))
	}
	if _, err := os.Stat(d + "/done"); err != nil {
		t.Error(err)
	}
}

// TestCommandIgnoresInput: a command need not read what it gets.
func TestCommandIgnoresInput(t *testing.T) {
	h, _ := script(t, "exit 0")
	j := testJob()
	j.body = make([]byte, 1<<20) // more than a pipe holds
	if r, _ := runHook(t, h, j, 10*time.Second); r.err != nil {
		t.Error(r.err)
	}
}

// TestCommandKilled: when time is up, nothing of the process group is left; nor when the command itself ends and leaves
// something behind.
func TestCommandKilled(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		limit      time.Duration
		ok         bool
	}{
		{"does not end", "sleep 1000 & echo $! >DIR/child; echo $$ >DIR/leader; trap '' TERM; wait", time.Second, false},
		{"stopped", "sleep 1000 & echo $! >DIR/child; echo $$ >DIR/leader; kill -STOP $$", time.Second, false},
		{"leaves something behind", "sleep 1000 & echo $! >DIR/child; echo $$ >DIR/leader", 30 * time.Second, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, d := script(t, tc.text)
			began := time.Now()
			r, _ := runHook(t, h, testJob(), tc.limit)
			if (r.err == nil) != tc.ok || !tc.ok && !strings.Contains(r.err.Error(), "did not end in time and was killed") {
				t.Errorf("%+v", r)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
			for _, name := range []string{"child", "leader"} {
				pid, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(d, name))))
				if err != nil {
					t.Fatal(err)
				}
				until(t, func() bool { return ended(pid) })
			}
		})
	}
}

// TestCommandEscapes: what has left the group lives on, and nobody waits for it, although it holds the output.
func TestCommandEscapes(t *testing.T) {
	h, d := script(t, "setsid sh -c 'echo $$ >DIR/child; exec sleep 1000' & while ! [ -s DIR/child ]; do sleep 0.01; done")
	began := time.Now()
	r, _ := runHook(t, h, testJob(), 30*time.Second)
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, d+"/child")))
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	if took := time.Since(began); r.err != nil || took > 15*time.Second {
		t.Errorf("%+v after %v", r, took)
	}
}

// ended says whether a process has ended, waited for or not: a machine may have nobody who waits for orphans.
func ended(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return true
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

// until waits for something to happen.
func until(t *testing.T, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen")
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
