// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"

	"caisson/policy"
)

// maxCovered is for how many rules the covering ones are named: each needs a walk of its own.
const maxCovered = 50

// neverDecides finds the rules that no subject reaches: it walks the compiled form along all subjects there are.
func (r *run) neverDecides() error {
	decides := map[int]bool{}
	for k := range policy.Kinds {
		e := policy.Exploration{Kind: k, States: r.host.States, Sides: []policy.Side{{Image: r.view, Kind: k}}}
		if !e.Each(func(p *policy.Place) bool {
			decides[p.Verdicts[0].Rule] = true
			return true
		}) {
			r.add(unchecked, &policy.Rule{File: r.policy.File}, policy.Pos{Line: 1, Col: 1}, unchecked.Meaning)
			return nil
		}
	}

	named := 0
	var failed error
	r.own(func(index int, rule *policy.Rule) {
		if decides[index] || failed != nil {
			return
		}
		if named++; named > maxCovered {
			r.add(covered, rule, rule.Pos, covered.Meaning)
			return
		}
		failed = r.whoDecides(rule)
	})
	return failed
}

// whoDecides says which rules decide what a rule matches.
func (r *run) whoDecides(rule *policy.Rule) error {
	only := *r.policy
	only.Rules, only.Baseline = []policy.Rule{*rule}, policy.BaselineNone
	image, err := policy.Compile(&only, r.env)
	if err != nil {
		return err
	}
	view := policy.NewAutomaton(image.Runner)

	matches, complete := false, true
	var names, later []string
	for k := range policy.Kinds {
		if k.Action() != rule.Action {
			continue
		}
		e := policy.Exploration{Kind: k, States: r.host.States, Sides: []policy.Side{{Image: r.view, Kind: k}, {Image: view, Kind: k}}, Follow: true}
		complete = e.Each(func(p *policy.Place) bool {
			if p.Verdicts[1].Rule != 0 {
				return true
			}
			matches = true
			v := p.Verdicts[0]
			switch {
			case v.Rule < 0:
			case v.Effect == policy.Defer && !r.nameless(p, k):
				later = appendNew(later, r.rules[v.Rule].Name)
			default:
				names = appendNew(names, r.rules[v.Rule].Name)
			}
			return true
		}) && complete
	}
	switch {
	case complete && !matches:
		r.add(unmatchable, rule, rule.Pos, unmatchable.Meaning)
	case len(later) > 0:
		r.add(hidden, rule, rule.Pos, fmt.Sprintf("%s: %s", hidden.Meaning, list(append(later, names...))))
	default:
		r.add(covered, rule, rule.Pos, fmt.Sprintf("%s: %s", covered.Meaning, list(names)))
	}
	return nil
}

// nameless says whether the rule that a place is left to user space by wants a host's name, so that it denies.
func (r *run) nameless(p *policy.Place, k policy.Kind) bool {
	_, ok := namePattern(&r.rules[p.Verdicts[0].Rule])
	return ok && (k == policy.TCPKind || k == policy.UDPKind) && p.Real && r.settled(p).Effect == policy.Defer
}

// settled is the verdict at a place; where the image leaves it to user space, that of user space on one subject.
func (r *run) settled(p *policy.Place) policy.Verdict {
	v := p.Verdicts[0]
	if v.Effect == policy.Defer && p.Real {
		v = policy.Settle(r.policy, r.env, p.Subject(), v.Rule)
	}
	return v
}

// appendNew adds a name once.
func appendNew(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// list writes the first few names.
func list(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
