// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"

	"caisson/policy"
)

func TestHere(t *testing.T) {
	env := policy.Env{
		LookPath: func(word string) (string, bool) { return "/opt/" + word, word == "tool" },
		Locate: func(path string) (string, string, error) {
			switch {
			case strings.HasPrefix(path, "/link"):
				return "/real" + strings.TrimPrefix(path, "/link"), "", nil
			case path == "/lost":
				return "", "mounted nowhere", nil
			case path == "/secret":
				return "", "", errors.New("permission denied")
			}
			return path, "", nil
		},
	}
	for _, tc := range []struct {
		name           string
		field, op, val string
		want           string
	}{
		{"same place", "path", "equals", "/a/b", "/a/b"},
		{"cleaned", "path", "equals", "//a/././b/.", "/a/b"},
		{"root", "path", "starts_with", "/", "/"},
		{"through a link", "path", "starts_with", "/link/x", "/real/x"},
		{"literal part of a glob", "path", "glob", "/link/x/*.c", "/real/x/*.c"},
		{"glob from the root", "path", "glob", "/**/x", "/**/x"},
		{"a star is literal outside glob", "path", "equals", "/link/[a]", "/real/[a]"},
		{"nowhere", "path", "equals", "/lost", "nowhere"},
		{"not to be seen", "path", "equals", "/secret", "nowhere"},
		{"self is whoever is judged", "path", "starts_with", "/proc/self/fd", "/proc/self/fd"},
		{"program on secure_path", "command", "equals", "tool -x", "/opt/tool -x"},
		{"program by path", "command", "equals", "/link/tool -x", "/real/tool -x"},
		{"program that is not there", "command", "equals", "other -x", "not installed"},
		{"program by pattern", "command", "glob", "/opt/*/tool **", "/opt/*/tool **"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := showRule(0, policy.Rule{When: &policy.Expr{Test: policy.Condition{Field: tc.field, Op: tc.op, Value: tc.val}}}, env)
			if len(r.Here) != 1 || r.Here[0] != tc.want {
				t.Errorf("got %q, want %q", r.Here, tc.want)
			}
		})
	}
}

func TestDeferring(t *testing.T) {
	file := `agent: a
rules:
  - { name: plain, action: file_read, conditions: { path: { glob: "/a/*.c" } }, effect: ALLOW }
  - { name: class, action: file_read, conditions: { path: { glob: "/b/[xy]" } }, effect: ALLOW }
  - { name: stars, action: shell_exec, conditions: { command: { glob: "/bin/ls *a*b?" } }, effect: DENY }
`
	p, err := policy.Parse("f", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	got := deferring(m)
	if len(got) != 2 || got[0] || !got[1] || !got[2] {
		t.Errorf("got %v, want rules 1 and 2", got)
	}
}
