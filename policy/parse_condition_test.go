// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// shape writes an expression with nothing left out, so that tests see what the compiler gets.
func shape(e *Expr) string {
	if e == nil {
		return "nil"
	}
	if e.Kind == Test {
		return e.Test.Field + " " + e.Test.Op + " " + e.Test.Value
	}
	subs := make([]string, len(e.Sub))
	for i, sub := range e.Sub {
		subs[i] = shape(sub)
	}
	return [...]string{All: "all", Any: "any", Not: "not"}[e.Kind] + "(" + strings.Join(subs, "; ") + ")"
}

// conditionCases are conditions, what they become, and how that is written for people.
var conditionCases = []struct{ name, action, conditions, shape, text string }{
	{"none", "network", "{}", "nil", "any"},
	{"one value", "file_read", "{ path: { equals: /a } }", "path equals /a", "path equals /a"},
	{"one value in a list", "file_read", "{ path: { equals: [/a] } }", "path equals /a", "path equals /a"},
	{"a list is any", "file_read", "{ path: { starts_with: [/a, /b] } }", "any(path starts_with /a; path starts_with /b)", "path starts_with [/a, /b]"},
	{"in is equals", "file_write", "{ path: { in: [/a, /b] } }", "any(path equals /a; path equals /b)", "path in [/a, /b]"},
	{"not_equals", "file_write", "{ path: { not_equals: /a } }", "not(path equals /a)", "path not_equals /a"},
	{"not_equals of a list is none of them", "file_write", "{ path: { not_equals: [/a, /b] } }",
		"not(any(path equals /a; path equals /b))", "path not_in [/a, /b]"},
	{"not_in", "file_write", "{ path: { not_in: [/a, /b] } }", "not(any(path equals /a; path equals /b))", "path not_in [/a, /b]"},
	{"operators side by side are all", "file_read", "{ path: { starts_with: /a, ends_with: .c, contains: x, glob: /**/y, regex: '/.*' } }",
		"all(path starts_with /a; path ends_with .c; path contains x; path glob /**/y; path regex /.*)",
		"path starts_with /a and path ends_with .c and path contains x and path glob /**/y and path regex /.*"},
	{"fields side by side are all", "network", "{ host: { equals: h.example }, port: { in: [22, 1024-65535] } }",
		"all(host equals h.example; any(port equals 22; port equals 1024-65535))", "host equals h.example and port in [22, 1024-65535]"},
	{"cidr is equals", "network", "{ address: { cidr: 10.0.0.0/8 } }", "address equals 10.0.0.0/8", "address equals 10.0.0.0/8"},
	{"any", "network", "{ any: [ { port: { equals: 1 } }, { protocol: { equals: udp } } ] }",
		"any(port equals 1; protocol equals udp)", "port equals 1 or protocol equals udp"},
	{"all beside a field", "network", "{ all: [ { port: { equals: 1 } }, { protocol: { equals: udp } } ], host: { equals: h } }",
		"all(all(port equals 1; protocol equals udp); host equals h)", "(port equals 1 and protocol equals udp) and host equals h"},
	{"any inside of a conjunction", "file_read", "{ path: { starts_with: /a }, any: [ { path: { equals: /a/x } }, { path: { glob: /a/* } } ] }",
		"all(path starts_with /a; any(path equals /a/x; path glob /a/*))", "path starts_with /a and (path equals /a/x or path glob /a/*)"},
	{"not of several", "network", "{ not: { host: { equals: h }, port: { equals: 1 } } }",
		"not(all(host equals h; port equals 1))", "not (host equals h and port equals 1)"},
	{"not of not", "network", "{ not: { not: { port: { equals: 1 } } } }", "not(not(port equals 1))", "not (port not_equals 1)"},
	{"not of a pattern", "file_read", "{ not: { path: { glob: /a/* } } }", "not(path glob /a/*)", "not (path glob /a/*)"},
	{"command", "shell_exec", "{ command: { starts_with: [npm test, go test], not_equals: npm test x } }",
		"all(any(command starts_with npm test; command starts_with go test); not(command equals npm test x))",
		"command starts_with [npm test, go test] and command not_equals npm test x"},
	{"the agent's name", "file_read", "{ path: { starts_with: '/data/${AGENT}', glob: '/x/${AGENT}*', regex: '/(${AGENT})+/${AGENT}?' } }",
		`all(path starts_with /data/a; path glob /x/a*; path regex /(a)+/(?:a)?)`,
		`path starts_with /data/a and path glob /x/a* and path regex "/(a)+/(?:a)?"`},
	{"a run's variables stay", "file_read", "{ path: { starts_with: '${HOME}/${AGENT}' } }",
		"path starts_with ${HOME}/a", "path starts_with ${HOME}/a"},
	{"abstract sockets", "network", "{ path: { in: ['@x', '@/tmp/.X11-unix/X0'], glob: '@caisson-*' } }",
		"all(any(path equals @x; path equals @/tmp/.X11-unix/X0); path glob @caisson-*)", "path in [@x, @/tmp/.X11-unix/X0] and path glob @caisson-*"},
	{"values that could be misread are quoted", "file_read", "{ path: { in: ['/a, b', '/c and d'] } }",
		"any(path equals /a, b; path equals /c and d)", `path in ["/a, b", "/c and d"]`},
}

func TestConditions(t *testing.T) {
	for _, tc := range conditionCases {
		t.Run(tc.name, func(t *testing.T) {
			text := fmt.Sprintf("agent: a\nrules:\n  - { name: r, action: %s, effect: DENY, conditions: %s }\n", tc.action, tc.conditions)
			p, err := Parse("f.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			when := p.Rules[0].When
			if got := shape(when); got != tc.shape {
				t.Errorf("became %s\n  want %s", got, tc.shape)
			}
			if got := when.String(); got != tc.text {
				t.Errorf("is written %s\n       want %s", got, tc.text)
			}
			for _, c := range when.Conditions() {
				if c.Pos.Line != 3 || c.Pos.Col < 50 {
					t.Errorf("%s %s stands at %d:%d", c.Field, c.Op, c.Pos.Line, c.Pos.Col)
				}
			}
		})
	}
}

func TestExprStringOfNothing(t *testing.T) {
	for want, e := range map[string]*Expr{"any": nil, "always": {Kind: All}, "never": {Kind: Any}, "not (never)": {Kind: Not, Sub: []*Expr{{Kind: Any}}}} {
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestEverythingParses holds the example that has every key, field and operator to really having them.
func TestEverythingParses(t *testing.T) {
	data, err := os.ReadFile("testdata/parse/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse("everything.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	if p.Mode != Observe || p.Baseline != BaselineNone || p.Description == "" || len(p.Rules) != 6 {
		t.Errorf("got %+v", p)
	}
	if build := p.Rules[1]; !build.Descendants || len(build.Schedule) != 3 || build.Expires.Year() != 2030 {
		t.Errorf("got %+v", build)
	}
	if got := strings.Join(p.Variables, " "); got != "HOME WORKSPACE" {
		t.Errorf("variables are %s", got)
	}
	for _, list := range [][]keyword{topFields, ruleFields, windowFields, defaultsFields, conditionFields()} {
		for _, k := range list {
			if !strings.Contains(string(data), k.name+":") {
				t.Errorf("the example lacks %s", k.name)
			}
		}
	}
	for _, op := range operators {
		if !strings.Contains(string(data), op.name+":") {
			t.Errorf("the example lacks %s", op.name)
		}
	}
}
