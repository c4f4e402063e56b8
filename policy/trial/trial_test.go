// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"caisson/policy"
)

const tested = `
agent: a
rules:
  - { name: office, action: file_read, conditions: { path: { starts_with: /data } }, effect: ALLOW, schedule: [ { days: [mon], from: "09:00", until: "17:00" } ] }
  - { name: old, action: file_read, conditions: { path: { starts_with: /old } }, effect: ALLOW, expires: 2026-01-01T00:00:00Z }
  - { name: own, action: file_write, conditions: { path: { starts_with: '${HOME}/${AGENT}' } }, effect: ALLOW }
  - { name: work, action: file_write, conditions: { path: { starts_with: '${WORKSPACE}' } }, effect: ALLOW }
  - { name: push, action: shell_exec, conditions: { command: { starts_with: git push } }, effect: REQUIRE_APPROVAL }
  - { name: git, action: shell_exec, conditions: { command: { starts_with: git } }, effect: ALLOW }
  - { name: odd, action: file_read, conditions: { path: { regex: '/odd/[0-9]+' } }, effect: ALLOW }
  - { name: api, action: network, conditions: { url: { equals: 'https://api.example' } }, effect: ALLOW }
tests:
`

// TestRun puts single cases to the policy, and compares what is said about those that fail.
func TestRun(t *testing.T) {
	for _, tc := range []struct{ one, want string }{
		{"read: /data/x, expect: ALLOW, at: 2026-11-23T12:00:00Z", ""},
		{"read: /data/x, expect: DENY, at: 2026-11-24T12:00:00Z", ""},
		{"read: /old/x, expect: ALLOW, at: 2025-12-31T23:59:59Z, rule: old", ""},
		{"read: /old/x, expect: DENY, rule: no-rule", ""},
		{"write: '${HOME}/a/x', expect: ALLOW", ""},
		{"write: /h/a/x, expect: ALLOW, vars: { HOME: /h }", ""},
		{"write: '${HOME}/a/x', expect: ALLOW, rule: own, vars: { HOME: /h }", ""},
		{"write: /workspace/x, expect: ALLOW", ""},
		{"exec: git status, expect: ALLOW, rule: git", ""},
		{"exec: [git, 'a; b', ''], expect: ALLOW", ""},
		{"exec: 'git status; git push', expect: REQUIRE_APPROVAL, rule: push", ""},
		{"exec: echo hello, expect: ALLOW, rule: no-rule", ""},
		{"connect: 'https://api.example', expect: ALLOW", ""},
		{"connect: 'api.example:443', expect: ALLOW", ""},
		{"connect: 'udp://api.example:443', expect: DENY", ""},
		{"connect: '192.0.2.1:443', expect: DENY", ""},
		{"socket: /run/docker.sock, expect: DENY", ""},
		{"read: /odd/1, expect: ALLOW, rule: odd", ""},
		{"read: /odd/x, expect: DENY, rule: no-rule", ""},

		{"read: /data/x, expect: ALLOW, at: 2026-11-24T12:00:00Z", "read /data/x: expected ALLOW, got DENY by no-rule"},
		{"exec: git push, expect: ALLOW, rule: git", "exec git push: expected ALLOW by git, got REQUIRE_APPROVAL by push (f.yaml:8:5)"},
		{"exec: git status, expect: ALLOW, rule: push", "exec git status: expected ALLOW by push, got ALLOW by git (f.yaml:9:5)"},
		{"exec: 'git status; rm x', expect: ALLOW", `exec git status; rm x: expected ALLOW, got DENY by no-rule, which decides "rm x"`},
		{"exec: '$X', expect: ALLOW", "exec $X: expected ALLOW, got DENY by no-rule (the name of the program is only known when it runs)"},
		{"exec: 'git (', expect: ALLOW", "exec git (: exec: 1:1: `foo(` must be followed by `)`"},
		{"exec: '# nothing', expect: ALLOW", "exec # nothing: exec: there is no command in it"},
		{"read: /odd/1, expect: DENY", "read /odd/1: expected DENY, got ALLOW by odd (f.yaml:10:5)"},
	} {
		t.Run(tc.one, func(t *testing.T) {
			p, err := policy.Parse("f.yaml", []byte(tested+"  - { name: it, "+tc.one+" }\n"))
			if err != nil {
				t.Fatal(err)
			}
			o := Run(p, p.Cases, policy.Env{})[0]
			if got := o.Difference(); got != tc.want || o.Failed != (tc.want != "") {
				t.Errorf("got:  %s\nwant: %s", got, tc.want)
			}
		})
	}
}

// TestJUnit writes a file that can be read back, whatever is in the names.
func TestJUnit(t *testing.T) {
	p, err := policy.Parse("f.yaml", []byte(tested+"  - { name: \"<good> & \\\"quoted\\\"\", exec: git status, expect: ALLOW }\n"+
		"  - { name: bad, exec: git push, expect: ALLOW }\n  - { name: broken, exec: 'git (', expect: ALLOW }\n"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteJUnit(&b, []Suite{{Name: "f.yaml\x01\xff", List: Run(p, p.Cases, policy.Env{})}}); err != nil {
		t.Fatal(err)
	}
	var back junitSuites
	if err := xml.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	s := back.Suites[0]
	if back.Tests != 3 || back.Failures != 2 || s.Failures != 1 || s.Errors != 1 || s.Cases[0].Name != `<good> & "quoted"` || s.Cases[0].Failure != nil ||
		!strings.Contains(s.Cases[1].Failure.Message, "got REQUIRE_APPROVAL by push") || s.Cases[2].Error == nil {
		t.Errorf("read back as %+v", back)
	}
}
