// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// What one policy can have, with all that it includes. The bounds are far above what people write (10,000 rules are about
// 2 MiB) and keep what parsing takes in memory and time small whatever the text is.
const (
	maxFile       = 8 << 20 // bytes of one file
	maxBytes      = 16 << 20
	maxFiles      = 100
	maxIncludes   = 8       // how deep files include each other
	maxMarks      = 400_000 // marks of YAML, each of which begins at most three nodes
	maxConditions = 100_000
	maxNesting    = 16 // of any, all and not

	maxRuleName    = 128
	maxDescription = 4096
)

var agentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// session is the reading of one policy: what its files share.
type session struct {
	read   func(path string) ([]byte, error) // nil: nothing can be included
	policy *Policy

	files    []string         // read, or tried
	sums     [][32]byte       // of those read
	included map[string]place // by file
	names    map[string]place // of rules

	bytes, marks, tests int // so far
	variables           map[string]bool
	errs                []*Error
}

// place is somewhere in one of the files.
type place struct {
	file string
	Pos
}

// String writes "file:line:col".
func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.file, p.Line, p.Col) }

// parser reads one file.
type parser struct {
	*session
	file  string
	chain chain // the files that lead to this one, and this one
	lines []string
}

// chain is files of which each includes the next.
type chain []string

// String writes "a.yaml → b.yaml".
func (c chain) String() string { return strings.Join(c, " → ") }

// Parse reads a policy that is one file strictly: what it does not know is an error, never ignored. The error is a *[Faults]
// of up to 20 values of type *[Error], in the order of the file; the policy is nil unless the error is.
func Parse(file string, data []byte) (*Policy, error) { return ParseWith(file, data, nil) }

// ParseWith is [Parse] for a file that may include others, which read returns. It is called once at most for each path,
// with one that is relative to where file is relative to, and may return more than a policy file can have.
func ParseWith(file string, data []byte, read func(path string) ([]byte, error)) (*Policy, error) {
	s := &session{read: read, policy: &Policy{File: file}, included: map[string]place{}, names: map[string]place{},
		variables: map[string]bool{}}
	p := &parser{session: s, file: file, chain: []string{file}}
	if root := p.open(data); root != nil {
		p.top(root)
	}
	if len(s.errs) > 0 {
		return nil, newFaults(s.files, s.errs)
	}

	s.policy.Files = s.files
	s.policy.Digest = s.digest()
	if len(s.variables) > 0 {
		s.policy.Variables = slices.Sorted(maps.Keys(s.variables))
	}
	return s.policy, nil
}

// digest is the digest of all files.
func (s *session) digest() [32]byte {
	if len(s.sums) == 1 {
		return s.sums[0]
	}
	var all []byte
	for _, sum := range s.sums {
		all = append(all, sum[:]...)
	}
	return sha256.Sum256(all)
}

// fail records a fault.
func (p *parser) fail(pos Pos, hint, format string, args ...any) {
	p.report(pos, hint, message(format, args))
}

// report records a fault whose message is bounded already.
func (p *parser) report(pos Pos, hint, msg string) {
	if !p.full() {
		p.errs = append(p.errs, &Error{File: p.file, Pos: pos, Msg: msg, Hint: clip(hint, maxText)})
	}
}

// full says whether there are so many faults that nobody wants more.
func (s *session) full() bool { return len(s.errs) >= maxFaults }

// top reads the root mapping of the policy's own file.
func (p *parser) top(root *yaml.Node) {
	const what = "the policy"
	f := p.mapping(root, what, topFields)
	if f == nil {
		return
	}
	// The rules need the agent, and may come first.
	if n := p.require(root, f, what, "agent"); n != nil {
		p.agent(n)
	}
	pol := p.policy
	if n := f["description"]; n != nil {
		pol.Description = p.describe(n)
	}
	if n := f["mode"]; n != nil && p.choice(n, "mode", []string{"enforce", "observe"}) == 1 {
		pol.Mode = Observe
	}
	if n := f["baseline"]; n != nil && p.choice(n, "baseline", []string{"runtime", "none"}) == 1 {
		pol.Baseline = BaselineNone
	}
	if n := f["defaults"]; n != nil {
		p.defaults(n)
	}
	if n := p.require(root, f, what, "rules"); n != nil {
		p.rules(n)
	}
	if n := f["tests"]; n != nil {
		pol.Cases = p.tested(n)
	}
}

// agent reads the policy's identity.
func (p *parser) agent(n *yaml.Node) {
	name := p.text(n, "agent")
	if name != "" && !agentForm.MatchString(name) {
		p.fail(position(n), "use a-z, 0-9, \".\", \"_\" and \"-\", at most 63, starting with a letter or digit",
			"agent %q is not an identity", name)
		return
	}
	p.policy.Agent = name
}

// defaults reads what holds where no rule matches. There is nothing to choose.
func (p *parser) defaults(n *yaml.Node) {
	f := p.mapping(n, "defaults", defaultsFields)
	if f == nil {
		return
	}
	v := p.require(n, f, "defaults", "effect")
	if v == nil {
		return
	}
	if s := p.text(v, "effect"); s != "" && s != Deny.String() {
		p.fail(position(v), "defaults never loosens deny: write a rule", "the default effect is DENY, not %q", s)
	}
}

// choice reads one of several words and returns which; -1 for none of them.
func (p *parser) choice(n *yaml.Node, what string, words []string) int {
	s := p.text(n, what)
	if s == "" {
		return -1
	}
	i := slices.Index(words, s)
	if i < 0 {
		p.fail(position(n), "use "+alternatives(words)+meant(s, words), "unknown %s %q", what, s)
	}
	return i
}
