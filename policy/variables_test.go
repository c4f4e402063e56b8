// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// oneRule is the policy of one rule about one condition, or the error.
func oneRule(action, field, op, value string) (*Policy, error) {
	return Parse("f.yaml", fmt.Appendf(nil, "agent: a\nrules:\n  - name: r\n    action: %s\n    effect: ALLOW\n    conditions: { %s: { %s: '%s' } }\n",
		action, field, op, strings.ReplaceAll(value, "'", "''")))
}

func TestBind(t *testing.T) {
	plain := map[string]string{varHome: "/home/u", varWorkspace: "/work/w", "EXTRA": "ignored"}
	odd := map[string]string{varHome: "/home/a*b?c[d]e+(f)"}
	cases := []struct {
		name, action, field, op, value string
		vars                           map[string]string
		want, uses                     string
	}{
		{"equals", "file_read", "path", "equals", "${HOME}/.config", plain, "/home/u/.config", "HOME"},
		{"both", "shell_exec", "command", "equals", "${HOME}/bin/x --dir=${WORKSPACE} ${AGENT}", plain, "/home/u/bin/x --dir=/work/w a", "HOME WORKSPACE"},
		{"none", "file_read", "path", "equals", "/a/$HOME/$", plain, "/a/$HOME/$", ""},
		{"agent", "file_read", "path", "glob", "/a/${AGENT}*", nil, "/a/a*", ""},
		{"glob", "file_read", "path", "glob", "${HOME}/**/*.go", plain, "/home/u/**/*.go", "HOME"},
		{"glob is escaped", "file_read", "path", "glob", "${HOME}/*", odd, "/home/a[*]b[?]c[[]d]e+(f)/*", "HOME"},
		{"regex is escaped", "file_read", "path", "regex", "${HOME}/[a-z]+", odd, `/home/a\*b\?c\[d\]e\+\(f\)/[a-z]+`, "HOME"},
		{"regex repeats all of it", "file_read", "path", "regex", "(${HOME})?${HOME}{2}", plain, `(/home/u)?(?:/home/u){2}`, "HOME"},
		{"an escaped dollar is none", "file_read", "path", "regex", `/a\${HOME}`, plain, `/a\${HOME}`, ""},
		{"ends_with", "file_write", "path", "ends_with", "${HOME}", plain, "/home/u", "HOME"},
		{"abstract socket", "network", "path", "equals", "@x-${HOME}", plain, "@x-/home/u", "HOME"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p, err := oneRule(tc.action, tc.field, tc.op, tc.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Variables, " "); got != tc.uses {
				t.Errorf("variables are %q, want %q", got, tc.uses)
			}
			before := p.Rules[0].When.Test
			bound, err := p.Bind(tc.vars)
			if err != nil {
				t.Fatal(err)
			}
			if got := bound.Rules[0].When.Test.Value; got != tc.want || bound.Variables != nil {
				t.Errorf("bound to %q, want %q", got, tc.want)
			}
			if p.Rules[0].When.Test != before {
				t.Error("the policy itself was changed")
			}
		})
	}
}

func TestVariableFaults(t *testing.T) {
	cases := []struct{ name, action, field, op, value, want string }{
		{"unknown", "file_read", "path", "equals", "${HOM}/x", "f.yaml:6:36: unknown variable ${HOM} (there are ${HOME}, ${WORKSPACE} and ${AGENT}; did you mean HOME?)"},
		{"unknown further on", "file_read", "path", "equals", "/x/${USER}", "f.yaml:6:39: unknown variable ${USER}"},
		{"open", "file_read", "path", "equals", "/x/${HOME", `"${" is not closed`},
		{"inside of a path", "file_read", "path", "starts_with", "/x/${HOME}", "f.yaml:6:44: ${HOME} is an absolute path, so it cannot stand inside of one"},
		{"agent at the start", "file_read", "path", "equals", "${AGENT}/x", `path "${AGENT}/x" is not absolute`},
		{"fault behind it", "file_read", "path", "equals", "${HOME}/../x", `f.yaml:6:44: path "${HOME}/../x" contains ".."`},
		{"in a class of a glob", "file_read", "path", "glob", "/x/[${AGENT}]", "a variable cannot stand in a class"},
		{"in a class of a regex", "file_read", "path", "regex", "/x/[^]${AGENT}]", "a variable cannot stand in a class"},
		{"in a quoted regex", "file_read", "path", "regex", `/x/\Q*${AGENT}\E`, `a variable cannot stand in an expression with \Q`},
		{"as a group's name", "file_read", "path", "regex", "(?P<${HOME}>x)", "invalid named capture"},
		{"shell variable", "shell_exec", "command", "equals", "ls $HOME", `"$" in column 4 of the command is shell syntax`},
		{"unknown in a command", "shell_exec", "command", "equals", "ls ${PWD}", "unknown variable ${PWD}"},
		{"in a host", "network", "host", "equals", "${AGENT}.example", "is not a host name"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := oneRule(tc.action, tc.field, tc.op, tc.value)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestBindFaults(t *testing.T) {
	const path, command, glob = "path equals ${HOME}/x", "command starts_with ls ${HOME}", "path glob ${HOME}/*"
	cases := []struct{ name, condition, value, want string }{
		{"empty", path, "", "is not a clean absolute path"},
		{"relative", path, "home/u", "is not a clean absolute path"},
		{"dot-dot", path, "/home/../u", "is not a clean absolute path"},
		{"trailing slash", path, "/home/u/", "is not a clean absolute path"},
		{"root", path, "/", "would cover everything"},
		{"NUL", path, "/home/\x00", "control character"},
		{"line feed", path, "/home/\n", "control character"},
		{"a variable", path, "/home/${AGENT}", "looks like a variable"},
		{"a long name", path, "/" + strings.Repeat("n", 256), "256 bytes long"},
		{"a star that is none", path, "/home/*", `"*" has no meaning in equals`},
		{"backslash in a glob", glob, `/home/\`, "backslash has no meaning"},
		{"blank in a command", command, "/home/a b", "is not one word of a command"},
		{"shell in a command", command, "/home/a;b", "is not one word of a command"},
		{"quote in a command", command, "/home/'", "is not one word of a command"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			words := strings.SplitN(tc.condition, " ", 3)
			action := map[string]string{"path": "file_read", "command": "shell_exec"}[words[0]]
			p, err := oneRule(action, words[0], words[1], words[2])
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Bind(map[string]string{varHome: tc.value})
			checkBindFault(t, err, tc.want)
		})
	}

	p, err := oneRule("file_read", "path", "equals", "${HOME}/x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Bind(map[string]string{varWorkspace: "/w"})
	checkBindFault(t, err, "variable ${HOME} has no value")
	_, err = p.Bind(nil)
	checkBindFault(t, err, "variable ${HOME} has no value")
}

// checkBindFault holds an error of Bind to naming the rule, the place and the variable.
func checkBindFault(t *testing.T, err error, want string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.File != "f.yaml" || e.Line != 6 || e.Col < 30 {
		t.Fatalf("error is %v", err)
	}
	for _, part := range []string{`rule "r": binding ${HOME}: `, want} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// TestUnboundConditionsAreNotWellFormed holds the check that the compiler goes by to refusing what is still to be bound.
func TestUnboundConditionsAreNotWellFormed(t *testing.T) {
	for _, op := range textOps {
		means := operatorNamed(op).means
		if err := checkCondition(FileRead, Condition{Field: "path", Op: means, Value: "/x/${HOME}"}); err == nil || !strings.Contains(err.msg, "has no value yet") {
			t.Errorf("path %s: %v", means, err)
		}
	}
}

// TestBindInsideAnExpression binds a tree, of which what has no variable is shared and what has is not.
func TestBindInsideAnExpression(t *testing.T) {
	p, err := Parse("f.yaml", []byte(`agent: a
rules:
  - { name: r, action: file_read, effect: DENY, conditions: { path: { in: [/x, "${HOME}/y"], not_equals: /z }, not: { any: [ { path: { equals: "${WORKSPACE}" } } ] } } }
`))
	if err != nil {
		t.Fatal(err)
	}
	before := shape(p.Rules[0].When)
	bound, err := p.Bind(map[string]string{varHome: "/h", varWorkspace: "/w"})
	if err != nil {
		t.Fatal(err)
	}
	when := bound.Rules[0].When
	if got := shape(when); got != "all(any(path equals /x; path equals /h/y); not(path equals /z); not(path equals /w))" {
		t.Errorf("bound to %s", got)
	}
	if got := shape(p.Rules[0].When); got != before || !slices.Equal(p.Variables, []string{varHome, varWorkspace}) {
		t.Errorf("the policy itself became %s", got)
	}
	if when.Sub[1] != p.Rules[0].When.Sub[1] {
		t.Error("a part without variables was copied")
	}
}
