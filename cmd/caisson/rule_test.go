// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
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

func TestShowRule(t *testing.T) {
	file := `agent: a
rules:
  - name: tree
    action: file_read
    conditions: { path: { starts_with: /src, not_in: [/src/a, /src/b] } }
    effect: ALLOW
    expires: 2020-01-01T00:00:00Z
    schedule: [{ days: [mon, fri], from: "09:00", until: "17:30" }, { from: "22:00", until: "24:00" }]
`
	p, err := policy.Parse("f", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	r := showRule(0, p.Rules[0], policy.Env{})
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"number":1,"name":"tree","action":"file_read","effect":"ALLOW",` +
		`"condition":"path starts_with /src and path not_in [/src/a, /src/b]",` +
		`"when":{"all":[{"field":"path","op":"starts_with","value":"/src"},{"not":{"any":[{"field":"path","op":"equals","value":"/src/a"},` +
		`{"field":"path","op":"equals","value":"/src/b"}]}}]},"here":["/src","/src/a","/src/b"],"expires":"2020-01-01T00:00:00Z",` +
		`"schedule":["Mon Fri 09:00-17:30","22:00-24:00"],"active":false,"baseline":false,"at":"f:3:5"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
