// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"strings"

	"caisson/policy"
)

var (
	pathEnds  = []string{".x", "b", "/b", "a/b", "b/a.x", "/ab/b", name60[:58], "/" + name255, "a/b/ab", "A"}
	pathParts = []string{"b", "ab", "/a", "b/", "/a/", "a/b", "bb/a", "/", "b/ab/a", name60[:58], ".x", "a/" + name255 + "/"}
	pathLong  = []string{name60, name60 + "/a", "a/" + name60}
	pathExpr  = []string{"/a/.*", "/a/b|/x", "/(a|b)/.*[.]x", "/a/b", ".*x", "/ab[ab]*/?.*", "(?i)/A/.*", "^/a/.+$", "/a/b/(a|b)+",
		"/a/�.*", "[^/]*", "/", "a.*", "/a//.*", "/aba?/b/.*"}
	words    = []string{"a", "b", "ab", "a b", "x a", "a a a", "aa", name60, "/"}
	lineExpr = []string{"/a/b a.*", "/a/b (a|b)", ".*", ".*'.*'.*", "/a/.* b", "/a/b", "/a/b a b .*", "/a/x a", "/(a|x)/x .*", "/a/b  a.*",
		"^/a/b ab? a.*", "/.* ''", "x"}
	sockets = []string{"@a", "@ab", "@*", "@a*", "@*b", "@a?", "@[a]", "@/a/b"}
)

// element chooses one name of a glob.
func (o Options) element(c Chooser) string {
	switch c.IntN(11) {
	case 0, 1, 2:
		if o.Crowded {
			return pick(c, crowd)
		}
		return pick(c, patterns)
	case 3, 4:
		return "*"
	case 5:
		return "**"
	case 6:
		if o.Deferred {
			return pick(c, beyond)
		}
	case 7:
		return pick(c, []string{"[a]", "a[b]", "[a][.]x", "[*]"})
	}
	return pick(c, names)
}

// condition chooses one condition of a rule of the action.
func (o Options) condition(c Chooser, a policy.Action) *policy.Expr {
	switch a {
	case policy.ShellExec:
		return o.command(c)
	case policy.Network:
		switch c.IntN(8) {
		case 0:
			return test("protocol", "equals", pick(c, []string{"tcp", "udp", "unix"}))
		case 1:
			return test("port", "equals", pick(c, []string{"80", "443"}))
		case 2, 3, 4:
			value := pick(c, sockets)
			op := "glob"
			if !strings.ContainsAny(value, "*?[") {
				op = "equals"
			}
			if o.Deferred || !strings.Contains(value, "?") {
				return test("path", op, value)
			}
		}
	}
	return o.path(c)
}

// path chooses a condition on a path.
func (o Options) path(c Chooser) *policy.Expr {
	name := func() string { return pick(c, names) }
	switch c.IntN(10) {
	case 0:
		return test("path", "equals", "/"+strings.Join(several(c, 0, 4, name), "/"))
	case 1, 2:
		return test("path", "starts_with", "/"+strings.Join(several(c, 0, 4, name), "/"))
	case 3:
		return test("path", "ends_with", o.text(c, pathEnds, pathLong))
	case 4:
		return test("path", "contains", o.text(c, pathParts, pathLong))
	case 5:
		if o.Deferred {
			return test("path", "regex", pick(c, pathExpr))
		}
	}
	return test("path", "glob", "/"+strings.Join(several(c, 0, 4, func() string { return o.element(c) }), "/"))
}

// text chooses one of the values, or one that an image cannot hold.
func (o Options) text(c Chooser, values, long []string) string {
	if o.Deferred && c.IntN(6) == 0 {
		return pick(c, long)
	}
	return pick(c, values)
}

// command chooses a condition on a command.
func (o Options) command(c Chooser) *policy.Expr {
	name := func() string { return pick(c, names) }
	program := pick(c, []string{"tool", "other", "/a/b", "/a/x", "/b"})
	switch c.IntN(10) {
	case 0:
		return test("command", "equals", strings.Join(append([]string{program}, several(c, 0, 4, name)...), " "))
	case 1, 2:
		return test("command", "starts_with", strings.Join(append([]string{program}, several(c, 0, 4, name)...), " "))
	case 3:
		return test("command", "ends_with", pick(c, words))
	case 4:
		return test("command", "contains", pick(c, words))
	case 5:
		if o.Deferred {
			return test("command", "regex", pick(c, lineExpr))
		}
	}
	element := func() string { return o.element(c) }
	if c.IntN(3) == 0 {
		program = "/" + strings.Join(several(c, 1, 3, element), "/")
	}
	return test("command", "glob", strings.Join(append([]string{program}, several(c, 0, 4, element)...), " "))
}
