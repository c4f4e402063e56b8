// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of one compilation, far above any policy that a person writes; they keep a hostile or careless one from taking
// the daemon's memory or time.
const (
	maxStateItems = 1 << 23 // items of all states together
	maxWork       = 1 << 25 // items looked at when every rule is tried as it is
	retryWork     = 1 << 23 // and in each attempt after that
	maxAttempts   = 7       // attempts in which some rules are left to user space, before all with patterns are
)

// exceeded is the error of an attempt that would take too much, and the rules whose patterns made it so.
type exceeded struct {
	what   string
	most   int // the rule with the most places in states
	groups map[string]*group
}

// group is rules whose patterns begin at the same place.
type group struct {
	rules []int // in their order
	load  int   // places that they have in states
}

func (e *exceeded) Error() string { return e.what }

// exceeded is the error of this attempt.
func (t *trie) exceeded(what string) error {
	e := &exceeded{what: what, groups: map[string]*group{}}
	most := 0
	for i := range t.plans {
		r := &t.plans[i]
		if r.rule < 0 {
			continue
		}
		if t.load[i] > most {
			e.most, most = r.rule, t.load[i]
		}
		for _, s := range t.seqs[r.first+1 : r.last+1] {
			elems := s.elems[:len(s.elems)-2]
			if !deferrable(elems) {
				continue
			}
			key := fmt.Sprint(t.rules[r.rule].Action, elementNames(elems[:known(elems)]))
			g := e.groups[key]
			if g == nil {
				g = &group{}
				e.groups[key] = g
			}
			g.rules = append(g.rules, r.rule)
			g.load += t.load[i]
			break
		}
	}
	return e
}

// elementNames are the names of elements, in a form that is theirs alone.
func elementNames(elems []element) string {
	var b strings.Builder
	for _, e := range elems {
		fmt.Fprintf(&b, "/%q", e.text)
	}
	return b.String()
}

// offenders are the rules to leave to user space: of the groups with the greatest load, which have three quarters of it, the
// last three quarters of the rules. An undecided rule hides all that stand behind it at the same place, so the first ones of
// a group are worth more.
func (e *exceeded) offenders() []int {
	total := 0
	keys := slices.Sorted(maps.Keys(e.groups))
	for _, key := range keys {
		total += e.groups[key].load
	}
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(e.groups[b].load, e.groups[a].load) })

	var out []int
	sum := 0
	for _, key := range keys {
		g := e.groups[key]
		out = append(out, g.rules[len(g.rules)/4:]...)
		if sum += g.load; sum > total/4*3 {
			break
		}
	}
	return out
}

// tooLarge is the error of a policy that does not fit; rule is the one with which it no longer did.
func tooLarge(rules []Rule, rule int, what string) error {
	return fmt.Errorf("policy too large: rule %q: %s (split the policy)", rules[rule].Name, what)
}
