// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestParseCases reads one of everything.
func TestParseCases(t *testing.T) {
	c, err := ParseCases("f_test.yaml", []byte("policy: f.yaml\ntests:\n"+
		"  - { name: a, read: /x, expect: ALLOW }\n  - { name: b, exec: [npm, 'a b', ''], expect: DENY, rule: r, at: 2026-05-01T10:00:00+02:00, vars: { HOME: /h } }\n"+
		"  - { name: c, socket: '@x', expect: REQUIRE_APPROVAL }\n  - { name: d, write: '${HOME}/x', expect: ALLOW }\n  - { name: e, connect: 'udp://h.example:53', expect: ALLOW }\n"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []CaseKind
	for _, one := range c.List {
		kinds = append(kinds, one.Kind)
	}
	b := c.List[1]
	if c.Policy != "f.yaml" || !slices.Equal(kinds, []CaseKind{CaseRead, CaseExec, CaseSocket, CaseWrite, CaseConnect}) ||
		!slices.Equal(b.Argv, []string{"npm", "a b", ""}) || b.Rule != "r" || b.At.Hour() != 8 || b.Vars["HOME"] != "/h" ||
		b.Expect != Deny || b.Pos != (Pos{4, 5}) || b.Subject() != `exec ["npm" "a b" ""]` || c.List[0].Subject() != "read /x" {
		t.Errorf("read as %+v", c)
	}
}

// TestCaseFaults names the place of everything that is no case.
func TestCaseFaults(t *testing.T) {
	one := func(text string) string { return "agent: a\ntests:\n  - { name: n, " + text + " }\n" }
	for _, tc := range []struct{ text, want string }{
		{"tests: []", "f:1:1: a file of cases names one policy"},
		{"agent: a\npolicy: b\ntests: []", "f:1:1: a file of cases names one policy"},
		{"agent: a", "f:1:1: a file of cases has no tests"},
		{"agent: a\nrules: []\ntests: []", `f:2:1: a file of cases has no field "rules"`},
		{"agent: a\ntests: {}", "f:2:8: tests must be a list, not a mapping"},
		{one("expect: ALLOW"), "f:3:5: a case has one subject, not 0"},
		{one("read: /x, write: /x, expect: ALLOW"), "f:3:5: a case has one subject, not 2"},
		{one("read: /x"), "f:3:5: a case has no expect"},
		{one("read: /x, expect: ALOW"), `unknown effect "ALOW"`},
		{one("read: /x, expect: DEFER"), `unknown effect "DEFER"`},
		{one("read: x, expect: ALLOW"), `f:3:22: read: path "x" is not absolute`},
		{one("read: '${NAME}/x', expect: ALLOW"), `is not absolute`},
		{one("read: 5, expect: ALLOW"), "read must be a string, not an integer"},
		{one("exec: [], expect: ALLOW"), "exec has no program"},
		{one("exec: [a, 5], expect: ALLOW"), "f:3:26: a word of exec must be a string, not an integer (quote it: \"5\")"},
		{one("exec: {}, expect: ALLOW"), "exec must be a string, not a mapping"},
		{one("connect: h, expect: ALLOW"), "has no port"},
		{one("connect: 'ftp://h', expect: ALLOW"), "has no port of its own"},
		{one("socket: x, expect: ALLOW"), "is not absolute"},
		{one("read: /x, expect: ALLOW, at: noon"), "at is no RFC 3339 date"},
		{one("read: /x, expect: ALLOW, vars: { USER: x }"), `vars has no field "USER"`},
		{one("read: /x, expect: ALLOW, vars: { HOME: x }"), "is not a clean absolute path"},
		{one("read: /x, expect: ALLOW, vars: { HOME: / }"), "would cover everything"},
		{one("read: /x, expected: ALLOW"), "did you mean expect?"},
		{"agent: a\ntests:\n  - { name: n, read: /x, expect: DENY }\n  - { name: n, read: /y, expect: DENY }", `f:4:5: case "n" is already at 3:5`},
	} {
		_, err := ParseCases("f", []byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tc.text, err, tc.want)
		}
	}
}

// TestCasesAreNoPolicies: a directory's files of cases are not loaded as policies, and are found.
func TestCasesAreNoPolicies(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.yaml": "agent: a\nrules: []\ntests: [ { name: n, read: /x, expect: DENY } ]\n",
		"a_test.yaml": "agent: a\ntests: []\n", "b_test.yml": "agent: a\ntests: []\n", ".c_test.yaml": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := LoadDir(dir)
	if err != nil || len(set.Policies) != 1 || len(set.Policies["a"].Cases) != 1 {
		t.Errorf("loaded %v, %v", set, err)
	}
	files, err := CaseFiles(dir)
	if want := []string{filepath.Join(dir, "a_test.yaml"), filepath.Join(dir, "b_test.yml")}; err != nil || !slices.Equal(files, want) {
		t.Errorf("files of cases %q, %v", files, err)
	}
}

// FuzzParseCases: whatever the text, reading it ends with cases or an error.
func FuzzParseCases(f *testing.F) {
	f.Add([]byte("agent: a\ntests:\n  - { name: a, read: /x, expect: ALLOW, vars: { HOME: /h }, at: 2026-05-01T10:00:00Z }\n"))
	f.Add([]byte("policy: p\ntests: [ { name: a, exec: [a, b], expect: DENY, rule: r } ]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCases("f", data)
		if (c == nil) == (err == nil) {
			t.Errorf("cases %v, error %v", c, err)
		}
	})
}
