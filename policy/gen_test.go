// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
)

// chooser is where a generator takes its choices from: a seeded random source, or the bytes of a fuzzer.
type chooser interface{ IntN(n int) int }

// byteChooser chooses by bytes; when they run out it always takes the first.
type byteChooser struct{ data []byte }

func (b *byteChooser) IntN(n int) int {
	if len(b.data) == 0 || n <= 1 {
		return 0
	}
	c := int(b.data[0])
	b.data = b.data[1:]
	return c % n
}

// seeded is a deterministic source.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func pick[T any](c chooser, list []T) T { return list[c.IntN(len(list))] }

var (
	name60  = strings.Repeat("n", 60)
	name255 = strings.Repeat("m", 255)

	// genNames are near each other on purpose; some do not fit into an edge cell.
	genNames = []string{"a", "b", "ab", "abb", "a.x", "b.x", "aa", "x", "A", name60, name60 + "o", name255}
	// genPatterns are few enough for one node to carry all of them.
	genPatterns = []string{"a*", "*b", "a*b", "*.x", "ab*", "n*", "*o", "m*m"}
	// genOverflow are more, so that some become maybe.
	genOverflow = append([]string{"b*", "*a", "x*", "*x", "aa*", "*bb", "A*"}, genPatterns...)
	genComplex  = []string{"?", "[ab]", "[!a]*", "*a*", "a?", "*" + strings.Repeat("n", 70)}
	genWords    = []string{"", "/", "a b", strings.Repeat("a", 256), strings.Repeat("m", 300)}
)

// genOptions says how wild the policies are.
type genOptions struct {
	patterns []string
	complex  bool
	dense    bool // many patterns at the same few nodes
}

// element chooses one name of a glob.
func (o genOptions) element(c chooser) string {
	switch c.IntN(10) {
	case 0, 1, 2:
		return pick(c, o.patterns)
	case 3, 4:
		return "*"
	case 5:
		return "**"
	case 6:
		if o.complex {
			return pick(c, genComplex)
		}
	}
	return pick(c, genNames)
}

// names chooses some names, each by f.
func genList(c chooser, least, most int, f func() string) []string {
	out := make([]string, 0, most)
	for range least + c.IntN(most-least+1) {
		out = append(out, f())
	}
	return out
}

// condition chooses a condition of a file or command rule.
func (o genOptions) condition(c chooser, a Action, op string) Condition {
	literal := func() string { return pick(c, genNames) }
	word := literal
	if op == opGlob {
		word = func() string { return o.element(c) }
	}
	if a != ShellExec {
		return Condition{Field: "path", Op: op, Value: "/" + strings.Join(genList(c, 0, 4, word), "/")}
	}
	program := pick(c, []string{"tool", "other", "/a/b", "/a/x", "/b"})
	if op == opGlob && c.IntN(3) == 0 {
		program = "/" + strings.Join(genList(c, 1, 3, word), "/")
	}
	return Condition{Field: "command", Op: op, Value: strings.Join(append([]string{program}, genList(c, 0, 4, word)...), " ")}
}

// crowd chooses a policy with more patterns at one node than it can carry.
func (o genOptions) crowd(c chooser) *Policy {
	p := &Policy{Agent: "crowd"}
	for i := range 10 + c.IntN(8) {
		value := "/" + pick(c, o.patterns) + pick(c, []string{"", "", "/**", "/b", "/**/*b"})
		p.Rules = append(p.Rules, Rule{
			Name: fmt.Sprintf("r%d", i), Action: FileWrite, Effect: pick(c, []Effect{Allow, Deny, RequireApproval}),
			When: when(Condition{Field: "path", Op: opGlob, Value: value}),
		})
	}
	return p
}

// policy chooses a policy.
func (o genOptions) policy(c chooser) *Policy {
	if o.dense {
		return o.crowd(c)
	}
	p := &Policy{Agent: "gen"}
	for i := range 1 + c.IntN(8) {
		r := Rule{
			Name:   fmt.Sprintf("r%d", i),
			Action: pick(c, []Action{FileWrite, FileWrite, FileWrite, ShellExec, ShellExec, ShellExec, FileRead}),
			Effect: pick(c, []Effect{Allow, Deny, RequireApproval}),
		}
		ops := []string{opEquals, opStartsWith, opGlob, opGlob}
		if n := c.IntN(12); n > 0 {
			list := []Condition{o.condition(c, r.Action, pick(c, ops))}
			if n == 1 {
				other := o.condition(c, r.Action, opGlob)
				if list[0].Op != opGlob {
					list = append(list, other)
				}
			}
			r.When = when(list...)
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// genEnv knows one program and moves one path.
var genEnv = Env{
	LookPath: func(word string) (string, bool) { return "/a/b", word == "tool" },
	Locate: func(path string) (string, string, error) {
		if path == "/b" || strings.HasPrefix(path, "/b/") {
			return "/ab" + path[2:], "moved", nil
		}
		return path, "", nil
	},
	LookupHost: func(host string) []netip.Addr {
		if host == "h.example" {
			return []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1")}
		}
		return nil
	},
}

// subject chooses a subject, mostly a near miss of one of the policy's rules.
func (o genOptions) subject(c chooser, p *Policy) Subject {
	r := pick(c, p.Rules)
	var words []string
	if list := r.When.Conditions(); len(list) > 0 {
		words = strings.Fields(pick(c, list).Value)
	}
	s := Subject{Action: r.Action}
	if r.Action != ShellExec {
		var names []string
		if len(words) > 0 {
			names = strings.Split(words[0], "/")
		}
		s.Names = byteNames(o.mutate(c, names, false))
		return s
	}

	program := "tool"
	if len(words) > 0 {
		program, words = words[0], words[1:]
	}
	if path, ok := programPath(genEnv, program); ok {
		s.Names = byteNames(o.mutate(c, strings.Split(path, "/"), false))
	} else {
		s.Names = [][]byte{[]byte(absentPrefix + program)}
	}
	s.Args = byteNames(o.mutate(c, words, true))
	if c.IntN(40) == 0 {
		for range 230 + c.IntN(40) {
			s.Args = append(s.Args, []byte(pick(c, genNames)))
		}
	}
	s.TruncatedArgs = c.IntN(20) == 0
	return s
}

// mutate turns the words of a rule into those of a subject: patterns are filled in, and now and then one word is changed,
// added or lost.
func (o genOptions) mutate(c chooser, words []string, args bool) []string {
	var out []string
	for _, w := range words {
		switch {
		case w == "" || c.IntN(12) == 0:
		case w == "**":
			out = append(out, genList(c, 0, 3, func() string { return pick(c, genNames) })...)
		case strings.ContainsAny(w, "?[") || c.IntN(12) == 0:
			out = append(out, pick(c, genNames))
		default:
			out = append(out, strings.Replace(w, "*", pick(c, []string{"", "a", "b", "ab", ".x"}), 1))
		}
	}
	for n := 0; n < 3 && c.IntN(3) == 0; n++ {
		extra := pick(c, genNames)
		if args && c.IntN(2) == 0 {
			extra = pick(c, genWords)
		}
		out = slices.Insert(out, c.IntN(len(out)+1), extra)
	}
	return out
}
