// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"slices"
	"strings"
	"testing"

	"caisson/policy"
)

// when parses the conditions of one rule that lets agent a write, in YAML's flow style.
func when(t *testing.T, conditions string) []*policy.Policy {
	t.Helper()
	p, err := policy.Parse("a.yaml", []byte("agent: a\nrules:\n  - name: r\n    action: file_write\n    effect: ALLOW\n    conditions: "+conditions+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return []*policy.Policy{p}
}

// A rule covers at least what it may match, and for what the language is used for not much more.
func TestExpressions(t *testing.T) {
	tests := []struct {
		conditions string
		covers     string // separated by blanks
		not        string
	}{
		{`{ path: { starts_with: [/p, /q/r] } }`, "/p /p/x /q/r/s", "/q /z /q/rs"},
		{`{ path: { in: [/p/a, /p/b] } }`, "/p/a /p/b /p/b/below", "/p /p/c"},
		{`{ path: { starts_with: /w, not_equals: /w/x } }`, "/w /w/y /w/y/x", "/z /v/w"},
		{`{ all: [ { path: { starts_with: /w } }, { not: { path: { equals: /w/x } } } ] }`, "/w /w/y", "/z"},
		{`{ any: [ { path: { equals: /a } }, { path: { starts_with: /b } } ] }`, "/a /a/x /b/y", "/c"},
		{`{ path: { not_equals: /etc } }`, "/usr/bin/x /etc/passwd", "/etc"},
		{`{ not: { path: { starts_with: /etc } } }`, "/usr/bin/x", "/etc /etc/passwd"},
		{`{ not: { path: { starts_with: [/etc, /usr] } } }`, "/home/x", "/etc/passwd /usr/lib"},
		{`{ not: { any: [ { path: { starts_with: /etc } }, { path: { starts_with: /usr } } ] } }`, "/home/x", "/etc/passwd /usr/lib"},
		{`{ not: { all: [ { path: { starts_with: /etc } }, { not: { path: { starts_with: /etc/app } } } ] } }`, "/home/x /etc/app/x", "/etc/passwd"},
		{`{ not: { path: { glob: "/etc/**" } } }`, "/usr/bin /etc/passwd", ""},
		{`{ not: { not: { path: { starts_with: /w } } } }`, "/w/x", ""},
		{`{ path: { ends_with: .log } }`, "/var/x.log /p/x.log/below", "/var/log /x.logs"},
		{`{ path: { ends_with: d/app.log } }`, "/var/d/app.log /var/bd/app.log", "/var/app.log /var/d/xapp.log"},
		{`{ path: { contains: /.cache/ } }`, "/home/u/.cache/x /home/u/.cache/x/y", "/home/u/.cached/x"},
		{`{ path: { regex: "/home/[a-z]+/w(/.*)?" } }`, "/home/u/w /home/u/w/x/y", "/home/u/v /srv/w"},
		{`{ path: { starts_with: /w, ends_with: .o } }`, "/w/a.o /w/a.o/x", "/w/a.c /v/a.o"},
		{`{ not: { path: { ends_with: .o } } }`, "/w/a.c /w/a.o", ""},
		{`{ path: { starts_with: /etc }, all: [ { not: { path: { starts_with: /etc } } } ] }`, "", "/etc/x /usr"},
	}
	for _, tc := range tests {
		t.Run(tc.conditions, func(t *testing.T) {
			s := New(links{}.table(t), when(t, tc.conditions))
			for _, p := range strings.Fields(tc.covers) {
				if s.Who(p) != "a" {
					t.Errorf("%s is not covered", p)
				}
			}
			for _, p := range strings.Fields(tc.not) {
				if s.Who(p) != "" {
					t.Errorf("%s is covered", p)
				}
			}
		})
	}
}

// A value that stands for two places is surely neither of them.
func TestNegationThroughSymlink(t *testing.T) {
	s := New(links{"/way": "/real"}.table(t), when(t, `{ not: { path: { starts_with: /way } } }`))
	for _, p := range []string{"/real/x", "/way/x", "/other"} {
		if s.Who(p) == "" {
			t.Errorf("%s is not covered, although the rule may be about the other place", p)
		}
	}
}

// Rules that have ended, or have not begun, count: what was written while they were in force is still there.
func TestTimesDoNotCount(t *testing.T) {
	p, err := policy.Parse("a.yaml", []byte(`agent: a
rules:
  - { name: r, action: file_write, effect: ALLOW, conditions: { path: { starts_with: /p } }, expires: 2001-01-01T00:00:00Z }
`))
	if err != nil {
		t.Fatal(err)
	}
	if New(links{}.table(t), []*policy.Policy{p}).Who("/p/x") != "a" {
		t.Error("a rule that has expired does not count")
	}
}

// Expressions that differ are told apart.
func TestFingerprintOfExpressions(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []string{`{ path: { equals: /a } }`, `{ path: { starts_with: /a } }`, `{ path: { not_equals: /a } }`, `{ path: { equals: [/a, /b] } }`,
		`{ all: [ { path: { equals: /a } }, { path: { equals: /b } } ] }`} {
		print := New(links{}.table(t), when(t, c)).Fingerprint()
		if other, dup := seen[print]; dup {
			t.Errorf("%s and %s say the same", c, other)
		}
		seen[print] = c
	}
}

func TestTrust(t *testing.T) {
	tests := []struct {
		name, policies string
		paths          []string
		want           []string
		says           string
	}{
		{"nobody", "a:ALLOW file_write starts_with /home", []string{"/usr/bin/bash", "/usr/lib"}, []string{"/usr/bin/bash", "/usr/lib"}, ""},
		{"the program itself", "a:ALLOW file_write equals /usr/bin/bash", []string{"/usr/bin/bash", "/usr/bin/dash"}, []string{"/usr/bin/dash"}, `/usr/bin/bash is not trusted, because agent "a"`},
		{"its directory", "a:ALLOW file_write starts_with /usr", []string{"/usr/bin/bash", "/bin/dash"}, []string{"/bin/dash"}, `"a"`},
		{"with an approval", "b:REQUIRE_APPROVAL file_write starts_with /usr/lib", []string{"/usr/lib"}, nil, `"b"`},
		{"on another mount", "a:ALLOW file_write starts_with /data/src", []string{"/project/sh"}, nil, `"a"`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			env, notes := New(links{}.table(t), load(t, tc.policies)).Env(policy.Env{Shells: tc.paths, Trusted: tc.paths})
			if !slices.Equal(env.Shells, tc.want) || !slices.Equal(env.Trusted, tc.want) {
				t.Errorf("shells %q, directories %q, want %q", env.Shells, env.Trusted, tc.want)
			}
			if said := strings.Join(notes.Trust, "\n"); !strings.Contains(said, tc.says) || (tc.says == "") != (said == "") {
				t.Errorf("notes %q", said)
			}
		})
	}
}
