// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"fmt"
	"slices"
	"strings"

	"caisson/policy"
)

// fillers are what a star is filled in with.
var fillers = []string{"", "a", "b", "ab", ".x", "bb"}

// strange are names and words that rules hardly mention. Words may also be empty, hold a slash, or be too long.
var (
	strange      = []string{"\xff\xfe", "a\x00", "é", "a b", "it's", "-", "a\n"}
	strangeWords = []string{"", "/", "a b", strings.Repeat("a", 256), strings.Repeat("m", 300), "\x80"}
)

// withoutRegex and withoutClasses leave the text of an expression or a glob.
var (
	withoutRegex   = strings.NewReplacer("(", "", ")", "", "?", "", "+", "", "[.]", ".", "^", "", "$", "")
	withoutClasses = strings.NewReplacer("[", "", "]", "", "!", "")
)

// Subject chooses a subject that is, mostly, a near miss of one of the policy's rules.
func (o Options) Subject(c Chooser, p *policy.Policy) policy.Subject {
	r := pick(c, p.Rules)
	cond := policy.Condition{Field: "path", Value: "/" + strings.Join(several(c, 0, 4, func() string { return pick(c, names) }), "/")}
	if list := r.When.Conditions(); len(list) > 0 {
		cond = pick(c, list)
	}
	if cond.Op == "regex" {
		cond.Value = strings.ReplaceAll(strings.ReplaceAll(cond.Value, "|", pick(c, []string{"", "/", " "})), ".*", pick(c, names))
		cond.Value = withoutRegex.Replace(cond.Value)
	}
	s := policy.Subject{Action: r.Action}
	switch {
	case r.Action == policy.ShellExec:
		o.program(c, &s, cond)
		return s
	case r.Action == policy.Network:
		s.Proto = policy.ProtoUnix
		if name, ok := strings.CutPrefix(cond.Value, "@"); ok && cond.Field == "path" {
			s.Names = bytesOf([]string{"@/" + fill(c, name)})
			return s
		}
	}

	s.Names = bytesOf(o.location(c, cond))
	return s
}

// location chooses a location near a path condition.
func (o Options) location(c Chooser, cond policy.Condition) []string {
	if cond.Field != "path" {
		return several(c, 0, 4, func() string { return pick(c, names) })
	}
	list := strings.Split(cond.Value, "/")
	switch cond.Op {
	case "ends_with", "contains":
		// What stands before and behind the text, inside its first and its last name.
		list[0] = pick(c, fillers) + list[0]
		if cond.Op == "contains" {
			list[len(list)-1] += pick(c, fillers)
			list = append(list, several(c, 0, 2, func() string { return pick(c, names) })...)
		}
		list = append(several(c, 0, 2, func() string { return pick(c, names) }), list...)
	}
	if c.IntN(30) == 0 {
		// A location as long as one can be: 4095 bytes.
		for len(strings.Join(list, "/")) < 3800 && len(list) < 120 {
			list = append(list, pick(c, []string{name255, name60}))
		}
	}
	return o.mutate(c, list, false)
}

// program chooses a program and words near a condition.
func (o Options) program(c Chooser, s *policy.Subject, cond policy.Condition) {
	list := strings.Fields(cond.Value)
	program := "tool"
	if cond.Op == "ends_with" || cond.Op == "contains" || cond.Field != "command" || len(list) == 0 {
		list = append(several(c, 0, 2, func() string { return pick(c, names) }), list...)
	} else {
		program, list = list[0], list[1:]
	}
	if path, ok := Env.LookPath(program); ok {
		program = path
	}
	if strings.HasPrefix(program, "/") {
		s.Names = bytesOf(o.mutate(c, strings.Split(program, "/"), false))
	} else {
		s.Names = bytesOf([]string{pick(c, []string{"?/" + program, program})})
	}
	if c.IntN(10) == 0 {
		s.Names = bytesOf([]string{pick(c, []string{"a", "x"}), pick(c, []string{"other", "x", "b"})})
	}
	s.Args = bytesOf(o.mutate(c, list, true))
	if c.IntN(120) == 0 {
		for range 230 + c.IntN(40) {
			s.Args = append(s.Args, []byte(pick(c, names)))
		}
	}
	s.TruncatedArgs = c.IntN(20) == 0
}

// fill puts text in the place of what a glob leaves open.
func fill(c Chooser, glob string) string {
	for strings.Contains(glob, "*") {
		glob = strings.Replace(glob, "*", pick(c, fillers), 1)
	}
	glob = strings.ReplaceAll(glob, "?", pick(c, names[:3]))
	return withoutClasses.Replace(glob)
}

// mutate turns the words of a rule into those of a subject: patterns are filled in, and now and then one word, or one byte
// of it, is changed, added or lost. A word that no file can have as its name is left out.
func (o Options) mutate(c Chooser, list []string, args bool) []string {
	var out []string
	for _, w := range list {
		switch {
		case w == "" || c.IntN(12) == 0:
			continue
		case w == "**":
			out = append(out, several(c, 0, 3, func() string { return pick(c, names) })...)
			continue
		case c.IntN(12) == 0:
			w = pick(c, names)
		default:
			w = fill(c, w)
		}
		if c.IntN(16) == 0 {
			w = nearby(c, w)
		}
		out = append(out, w)
	}
	for n := 0; n < 3 && c.IntN(3) == 0; n++ {
		extra := pick(c, names)
		switch {
		case args && c.IntN(2) == 0:
			extra = pick(c, strangeWords)
		case c.IntN(4) == 0:
			extra = pick(c, strange)
		}
		out = slices.Insert(out, c.IntN(len(out)+1), extra)
	}
	if !args {
		out = slices.DeleteFunc(out, func(name string) bool { return name == "" || len(name) > 255 || strings.Contains(name, "/") })
	}
	return out
}

// nearby is a word that differs in one byte.
func nearby(c Chooser, w string) string {
	if w == "" {
		return "a"
	}
	at := c.IntN(len(w))
	switch c.IntN(3) {
	case 0:
		return w[:at] + w[at+1:]
	case 1:
		return w[:at] + pick(c, []string{"a", "b", ".", "\xff"}) + w[at:]
	default:
		return w[:at] + pick(c, []string{"a", "b", "x", "\x00"}) + w[at+1:]
	}
}

// bytesOf turns strings into the bytes that subjects are made of.
func bytesOf(list []string) [][]byte {
	out := make([][]byte, len(list))
	for i, name := range list {
		out[i] = []byte(name)
	}
	return out
}

// Describe shows a policy and a subject in the message of a failed test.
func Describe(p *policy.Policy, s policy.Subject) string {
	var b strings.Builder
	for _, r := range p.Rules {
		fmt.Fprintf(&b, "  %s %s %s %s\n", r.Name, r.Action, r.Effect, show(r.When))
	}
	fmt.Fprintf(&b, "  %s %.60q %.60q truncated=%v", s.Action, s.Names, s.Args, s.TruncatedArgs)
	return b.String()
}

// show writes an expression.
func show(e *policy.Expr) string {
	switch {
	case e == nil:
		return "always"
	case e.Kind == policy.Test:
		return fmt.Sprintf("%s %s %.80q", e.Test.Field, e.Test.Op, e.Test.Value)
	}
	parts := make([]string, len(e.Sub))
	for i, sub := range e.Sub {
		parts[i] = show(sub)
	}
	return []string{policy.All: "all", policy.Any: "any", policy.Not: "not"}[e.Kind] + "(" + strings.Join(parts, ", ") + ")"
}
