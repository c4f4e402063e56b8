// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"caisson/daemon/mount"
	"caisson/policy"
)

// Set knows what agents may change. It is safe for concurrent use.
type Set struct {
	table *mount.Table
	rules []rule
	print string

	mu    sync.Mutex
	known map[string]*rule // what was asked before; nil: nobody
}

// rule is one that lets an agent write.
type rule struct {
	agent  string
	effect policy.Effect
	when   *expr
}

// New finds out what agents may change under some policies. The same policies on the same host give the same set.
func New(table *mount.Table, policies []*policy.Policy) *Set {
	s := &Set{table: table, known: map[string]*rule{}}
	for _, p := range sorted(policies) {
		for _, r := range p.AllRules() {
			if r.Action == policy.FileWrite && (r.Effect == policy.Allow || r.Effect == policy.RequireApproval) {
				s.rules = append(s.rules, newRule(p.Agent, r))
			}
		}
	}

	// Whoever may write through a symlink may write where it leads. A longer list of writers makes fewer symlinks be
	// followed, never more, so that one look at each rule finds every place that compiling can come to.
	for i := range s.rules {
		for _, c := range s.rules[i].when.conditions() {
			if len(c.forms) == 0 {
				continue
			}
			forms := table.Forms(c.forms[0], s.Who)
			clear(s.known)
			c.forms = unique(append(c.forms, forms...))
		}
	}
	s.print = print(s.rules)
	return s
}

// sorted brings policies into an order that does not depend on how they were found.
func sorted(policies []*policy.Policy) []*policy.Policy {
	return slices.SortedStableFunc(slices.Values(policies), func(a, b *policy.Policy) int {
		return cmp.Or(strings.Compare(a.Agent, b.Agent), strings.Compare(a.File, b.File), slices.Compare(a.Digest[:], b.Digest[:]))
	})
}

func newRule(agent string, r policy.Rule) rule {
	return rule{agent, r.Effect, newExpr(r.When)}
}

// print is equal for rules that say the same of every path.
func print(rules []rule) string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "%q %d ", r.agent, r.effect)
		r.when.print(&b)
	}
	return b.String()
}

// Who returns an agent that may change what stands at a clean absolute path, with or without somebody's approval; ""
// when none may. Who may move a directory may change what stands below it.
func (s *Set) Who(path string) string {
	if r := s.find(path); r != nil {
		return r.agent
	}
	return ""
}

// Free returns an agent that may change what stands at a path without asking anybody; "" when none may.
func (s *Set) Free(path string) string {
	for i := range s.rules {
		if r := &s.rules[i]; r.effect == policy.Allow && r.covers(path) {
			return r.agent
		}
	}
	return ""
}

// Fingerprint is equal for sets that say the same.
func (s *Set) Fingerprint() string { return s.print }

func (s *Set) find(path string) *rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.known[path]; ok {
		return r
	}

	var found *rule
	for i := range s.rules {
		if s.rules[i].covers(path) {
			found = &s.rules[i]
			break
		}
	}
	s.known[path] = found
	return found
}

// covers says whether the rule may match the path, or a directory above it.
func (r *rule) covers(path string) bool { return r.when.covers(path) }

// unique drops what comes a second time.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// within says whether a clean path is a place or below it.
func within(place, p string) bool {
	return p == place || strings.HasPrefix(p, strings.TrimSuffix(place, "/")+"/")
}

// prefixes lists a path and the directories above it, without the root, which nobody can move.
func prefixes(p string) []string {
	var out []string
	for ; p != "/" && p != "."; p = path.Dir(p) {
		out = append(out, p)
	}
	return out
}
