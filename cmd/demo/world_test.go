// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExecute(t *testing.T) {
	w := testWorld()
	for _, tg := range w.targets() {
		*tg = target{addr: netip.MustParseAddr("127.0.0.1")} // and any port: the usual ones need root
	}
	if err := w.listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer w.close()
	tests := []struct {
		name, script string
		want         outcome
	}{
		{"success", "echo out", outcome{stdout: "out\n"}},
		{"failure", "echo err >&2; exit 3", outcome{exit: 3, stderr: "err\n"}},
		{"signal", "kill -9 $$", outcome{exit: 137}},
		{"environment", "echo $LC_ALL $CAISSON_X; pwd", outcome{stdout: "C\n/\n"}},
		{"connection", dial(w.api.addr.String(), w.api.port), outcome{stdout: greeting + "\n", accepted: true}},
	}
	t.Setenv("CAISSON_X", "must not be inherited")
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := w.execute(t.Context(), &attempt{via: viaPlain, argv: []string{"bash", "-c", tc.script}})
			if err != nil {
				t.Fatal(err)
			}
			tc.want.pid = got.pid
			if *got != tc.want || got.pid == 0 {
				t.Errorf("outcome is %+v, want %+v", *got, tc.want)
			}
		})
	}
	t.Run("no such program", func(t *testing.T) {
		if _, err := w.execute(t.Context(), &attempt{via: viaPlain, argv: []string{"/no/such/program"}}); err == nil {
			t.Error("no error")
		}
	})
}

func TestListenerCounts(t *testing.T) {
	w, tg := &world{}, target{addr: netip.MustParseAddr("127.0.0.1")}
	if err := w.serve(t.Context(), &tg); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", tg.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	if err != nil || strings.TrimSpace(string(said)) != greeting || tg.count.Load() != 1 {
		t.Errorf("it said %q (%v) to %d connections", said, err, tg.count.Load())
	}
	if err := w.close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestEffects(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "file empty link-target")
	file, none := filepath.Join(dir, "file"), filepath.Join(dir, "none")
	if err := errors.Join(os.WriteFile(file, []byte("text"), 0o640), os.Chmod(file, 0o640), os.Symlink(none, dir+"/dangling")); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		e    effect
		want bool
	}{
		{"printed", printed("abc"), true}, {"not printed", printed("xyz"), false},
		{"exists", exists(file), true}, {"does not exist", exists(none), false}, {"dangling link", exists(dir + "/dangling"), true},
		{"gone", gone(none), true}, {"not gone", gone(file), false},
		{"moved", moved(none, file), true}, {"copied", moved(file, dir+"/empty"), false}, {"lost", moved(none, none), false},
		{"holds", holds(file, "ex"), true}, {"holds something else", holds(file, "xx"), false}, {"holds nothing", holds(none, ""), false},
		{"emptied", emptied(dir + "/empty"), true}, {"not emptied", emptied(file), false},
		{"mode", hasMode(file, 0o640), true}, {"other mode", hasMode(file, 0o666), false},
		{"not greeted", greeted(), false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.e.seen(&outcome{stdout: "abcdef"}); got != tc.want {
				t.Errorf("seen = %v, want %v", got, tc.want)
			}
		})
	}
	if !greeted().seen(&outcome{accepted: true}) || !greeted().seen(&outcome{stdout: greeting}) {
		t.Error("a connection is not seen")
	}
}

func TestWorldClosesNewestFirst(t *testing.T) {
	w, order := &world{}, []int{}
	for i := range 3 {
		w.later(func() error {
			order = append(order, i)
			return errors.New("bad")
		})
	}
	if err := w.close(); err == nil || !slices.Equal(order, []int{2, 1, 0}) {
		t.Errorf("order %v, error %v", order, err)
	}
	if err := w.close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestCopyProgram(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "program taken")
	if err := copyProgram(dir+"/program", dir+"/copy"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir + "/copy"); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("the copy cannot be executed: %v", err)
	}
	if err := copyProgram(dir+"/program", dir+"/taken"); err == nil {
		t.Error("somebody's program was overwritten")
	}
}

func TestUntil(t *testing.T) {
	n := 0
	if !until(t.Context(), time.Minute, func() bool { n++; return n == 3 }) || n != 3 {
		t.Errorf("called %d times", n)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if until(over, time.Minute, func() bool { return false }) || until(t.Context(), 0, func() bool { return false }) {
		t.Error("true, though it never was")
	}
}

func TestStandIn(t *testing.T) {
	var b bytes.Buffer
	if standIn(&b, []string{"run", "deploy"}) != 0 || b.String() != "npm ran: run deploy\n" {
		t.Errorf("it said %q", b.String())
	}
	if standIn(broken{}, nil) == 0 {
		t.Error("success without output")
	}
}

func TestCommandLine(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"help", []string{"-h"}, 0, "-host"},
		{"unknown flag", []string{"-x"}, exitUsage, "not defined"},
		{"argument", []string{"x"}, exitUsage, `unexpected argument "x"`},
		{"not a guest", nil, exitFailed, "hint: make demo"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if got := run(tc.args, &out, &errs); got != tc.status || !strings.Contains(errs.String(), tc.stderr) || out.Len() > 0 {
				t.Errorf("status %d, output %q, errors %q", got, out.String(), errs.String())
			}
		})
	}
}
