// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
	"time"
)

// TestBecause has the reasons of each kind of expression.
func TestBecause(t *testing.T) {
	cases := []struct{ name, conditions, path, want string }{
		{"a condition", "{ path: { starts_with: /a } }", "/a/b", "path starts_with /a holds"},
		{"one that fails", "{ path: { starts_with: /a } }", "/b", "path starts_with /a does not hold"},
		{"all: both hold", "{ path: { starts_with: /a, ends_with: .c } }", "/a/x.c", "path starts_with /a holds, path ends_with .c holds"},
		{"all: only what fails", "{ path: { starts_with: /a, ends_with: .c } }", "/a/x.h", "path ends_with .c does not hold"},
		{"any: the first that holds", "{ path: { equals: [/a, /b, /c] } }", "/b", "path equals /b holds"},
		{"any: all that fail", "{ path: { equals: [/a, /b] } }", "/c", "path equals /a does not hold, path equals /b does not hold"},
		{"any: many that fail", "{ path: { equals: [/a, /b, /c, /d, /e, /f] } }", "/x",
			"path equals /a does not hold, path equals /b does not hold, path equals /c does not hold, path equals /d does not hold, " +
				"and neither does any of 2 more"},
		{"not", "{ not: { path: { starts_with: /a } } }", "/a", "path starts_with /a holds, and must not"},
		{"not that holds", "{ path: { starts_with: /a, not_equals: /a/b } }", "/a/c", "path starts_with /a holds, path equals /a/b does not hold"},
		{"a tree", "{ any: [ { path: { equals: /x } }, { path: { starts_with: /a, not_in: [/a/b, /a/c] } } ] }", "/a/c",
			"path equals /x does not hold, path equals /a/c holds, and must not"},
		{"left to user space", "{ path: { starts_with: /a, regex: \"/a/[bc]+\" } }", "/a/b", "path regex /a/[bc]+ is left to user space"},
		{"not, left to user space", "{ not: { path: { regex: \"/a/[bc]+\" } } }", "/a/b", "path regex /a/[bc]+ is left to user space"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p, err := Parse("f", []byte("agent: a\nbaseline: none\nrules:\n  - { name: r, action: file_read, conditions: "+tc.conditions+", effect: ALLOW }\n"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := PathSubject(FileRead, tc.path)
			if err != nil {
				t.Fatal(err)
			}
			x, err := Explain(p, Env{}, s)
			if err != nil {
				t.Fatal(err)
			}
			if len(x.Steps) != 1 || x.Steps[0].Finding.Because() != tc.want {
				t.Errorf("got %s, want %s", x.Steps[0].Finding.Because(), tc.want)
			}
			// The whole must be true when the parts are.
			if holds := x.Steps[0].Finding.Truth == Holds; holds != (x.Verdict.Effect == Allow) {
				t.Errorf("truth %s, verdict %+v", x.Steps[0].Finding.Truth, x.Verdict)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	p, err := Parse("f", []byte(`agent: a
rules:
  - { name: other, action: file_write, effect: DENY }
  - { name: gone, action: file_read, effect: DENY, expires: 2020-01-01T00:00:00Z }
  - { name: odd, action: file_read, conditions: { path: { glob: "/a/[bc]" } }, effect: DENY }
  - { name: rest, action: file_read, conditions: { path: { starts_with: /a } }, effect: ALLOW }
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path          string
		effect, final Effect
		steps         string
		others        int
	}{
		{"/a/x", Defer, Allow, "gone odd rest", 1},
		{"/a/b", Defer, Deny, "gone odd", 1},
		{"/a", Allow, Allow, "gone odd rest", 1},
		{"/etc/passwd", Allow, Allow, "gone odd rest baseline:", 1},
	} {
		s, err := PathSubject(FileRead, tc.path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := Explain(p, Env{Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, s)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, step := range x.Steps {
			names = append(names, step.Rule.Name)
		}
		if got := strings.Join(names, " "); x.Verdict.Effect != tc.effect || x.Final.Effect != tc.final || !strings.HasPrefix(got, tc.steps) || x.Others != tc.others {
			t.Errorf("%s: %+v, in the end %+v, steps %s, others %d", tc.path, x.Verdict, x.Final, got, x.Others)
		}
		if !x.Steps[0].Inactive || x.Steps[1].Inactive {
			t.Errorf("%s: an expired rule counts", tc.path)
		}
	}
}

// TestExplainWithoutAsking is about subjects for which no rule is asked.
func TestExplainWithoutAsking(t *testing.T) {
	p := &Policy{Agent: "a"}
	deep := Subject{Action: FileRead, Names: byteNames(strings.Split(strings.Repeat("x/", 200), "/"))}
	for _, s := range []Subject{deep, {Action: Network, Proto: 47}} {
		x, err := Explain(p, Env{}, s)
		if err != nil || x.Verdict.Effect != Deny || x.Verdict.Rule >= 0 || len(x.Steps) > 0 {
			t.Errorf("%+v, %v", x, err)
		}
	}
}
