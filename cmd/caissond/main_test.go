// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"caisson/daemon/preflight"
)

func TestExitStatus(t *testing.T) {
	tests := []struct {
		name   string
		args   string
		status int
		says   string
	}{
		{"unknown flag", "--polices x", exitUsage, "unknown flag"},
		{"unknown command", "attach", exitUsage, "attach"},
		{"argument to a command", "version now", exitUsage, "now"},
		{"relative secure path", "--secure-path bin", exitUsage, `"bin" is not absolute`},
		{"empty secure path", "--secure-path=", exitUsage, "no directory"},
		{"ring buffer of odd size", "--ring-bytes 100000", exitUsage, "power of two"},
		{"relative shell", "--shells bash,bin/sh", exitUsage, `"bin/sh" is neither`},
		{"shell without a name", "--shells bash,,sh", exitUsage, `"" is neither`},
		{"interval too short", "--resolve-interval 1ms", exitUsage, "less than a second"},
		{"nothing to detach", "detach --pins /does/not/exist", exitError, "nothing is attached"},
		{"version", "version", 0, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := run(strings.Fields(tc.args), &stderr); got != tc.status {
				t.Errorf("exit status %d, want %d", got, tc.status)
			}
			out := stderr.String()
			if !strings.Contains(out, tc.says) || tc.status != 0 && !strings.HasPrefix(out, "caissond: ") {
				t.Errorf("standard error %q lacks %q", out, tc.says)
			}
			if (tc.status == exitUsage) != strings.Contains(out, "hint: caissond --help") {
				t.Errorf("hint in %q", out)
			}
		})
	}
}

func TestReport(t *testing.T) {
	lsm := &preflight.Failure{Check: preflight.Check{Name: "bpf-lsm", Detail: "bpf is not active", Remedy: "add lsm=x,bpf"}}
	var w bytes.Buffer
	report(&w, errors.Join(lsm, fmt.Errorf("socket: %w", errors.New("in use"))))
	const want = "caissond: bpf-lsm: bpf is not active\nhint: add lsm=x,bpf\ncaissond: socket: in use\n"
	if w.String() != want {
		t.Errorf("got %q, want %q", w.String(), want)
	}
}
