// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"cmp"
	"fmt"
	"slices"

	"caisson/policy"
)

// Version is one side of a comparison: a policy and how it is compiled on this host. A nil policy is that of an agent that
// has none: it is denied everything.
type Version struct {
	Policy *policy.Policy
	Env    policy.Env // with the same LookupHost on both sides, which gives each host addresses of its own
}

// Outcome is what one side says.
type Outcome struct {
	Effect      policy.Effect `json:"effect"`
	Rule        string        `json:"rule"` // ""; no rule
	Reason      string        `json:"reason,omitempty"`
	Descendants bool          `json:"descendants,omitempty"`
}

// Change is a set of subjects for which the answer is another one, all by the same two rules.
type Change struct {
	Kind    policy.Kind    `json:"kind"`
	Old     Outcome        `json:"old"`
	New     Outcome        `json:"new"`
	Example policy.Subject `json:"-"` // a shortest one

	// What user space says about the example, where the kernel leaves it to it.
	OldSettled *Outcome `json:"old_settled,omitempty"`
	NewSettled *Outcome `json:"new_settled,omitempty"`
}

// changeKey tells changes apart.
type changeKey struct {
	kind     policy.Kind
	old, new Outcome
}

// Setting is a property of the whole policy that has changed.
type Setting struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Result is how two policies differ.
type Result struct {
	Settings []Setting
	Changes  []Change // what is allowed now comes first, then what needs approval, what is deferred, what is denied
	Complete bool     // else there may be more changes
}

// Different says whether anything has changed.
func (r *Result) Different() bool { return len(r.Settings)+len(r.Changes) > 0 }

// MaxChanges bounds what is listed: nobody reads more.
const MaxChanges = 500

// comparison is one under way.
type comparison struct {
	versions [2]Version
	images   [2]*policy.Image
	rules    [2][]policy.Rule
	views    [2]*policy.Automaton
	nameless [2]map[int]bool // [policy.Image.Nameless]
	behind   map[[3]int]bool // answers of sameBehind
	seen     map[changeKey]bool
	doubt    map[changeKey]bool // changes of which no subject is known
	result   Result
	err      error
}

// Compare compares two versions. States bounds the work per kind of subject; 0: [policy.DefaultStates].
func Compare(before, after Version, states int) (*Result, error) {
	c := &comparison{versions: [2]Version{before, after}, seen: map[changeKey]bool{}, doubt: map[changeKey]bool{}, behind: map[[3]int]bool{}, result: Result{Complete: true}}
	for i, v := range c.versions {
		p := v.Policy
		if p == nil {
			p = &policy.Policy{Baseline: policy.BaselineNone}
		}
		image, err := policy.Compile(p, v.Env)
		if err != nil {
			return nil, err
		}
		c.images[i], c.rules[i], c.views[i], c.nameless[i] = image, image.Rules(), policy.NewAutomaton(image.Runner), image.Nameless()
	}

	c.result.Settings = settings(before.Policy, after.Policy)
	for k := range policy.Kinds {
		e := &policy.Exploration{Kind: k, States: states, Sides: []policy.Side{{Image: c.views[0], Kind: k}, {Image: c.views[1], Kind: k}}}
		complete := e.Each(func(p *policy.Place) bool {
			c.place(k, p)
			return c.err == nil && len(c.result.Changes) < MaxChanges
		})
		c.result.Complete = c.result.Complete && complete
	}
	for key := range c.doubt {
		// Whether there is such a subject is not known, so nothing can be claimed.
		c.result.Complete = c.result.Complete && c.seen[key]
	}
	slices.SortStableFunc(c.result.Changes, func(a, b Change) int { return cmp.Compare(order[a.New.Effect], order[b.New.Effect]) })
	return &c.result, c.err
}

// order is how much a change matters to who reviews it.
var order = map[policy.Effect]int{policy.Allow: 0, policy.RequireApproval: 1, policy.Defer: 2, policy.Deny: 3}

// place adds the change at a place, if there is one that is new.
func (c *comparison) place(k policy.Kind, p *policy.Place) {
	change := Change{Kind: k, Old: c.outcome(0, k, p.Verdicts[0]), New: c.outcome(1, k, p.Verdicts[1])}
	if change.Old.Effect == change.New.Effect && change.Old.Descendants == change.New.Descendants &&
		(change.Old.Effect != policy.Defer || c.sameBehind(k, p.Verdicts[0].Rule, p.Verdicts[1].Rule)) {
		return
	}
	key := changeKey{change.Kind, change.Old, change.New}
	if c.seen[key] {
		return
	}
	if !p.Real {
		c.doubt[key] = true
		return
	}
	c.seen[key] = true
	change.Example = p.Subject()
	c.err = c.check(change.Example, p)
	change.OldSettled, change.NewSettled = c.settled(0, k, p), c.settled(1, k, p)
	c.result.Changes = append(c.result.Changes, change)
}

// check runs the example on both images and on the specification: an example that is not true must never be shown.
func (c *comparison) check(s policy.Subject, p *policy.Place) error {
	for i, v := range c.versions {
		if got := c.images[i].Run(s); got != p.Verdicts[i] {
			return fmt.Errorf("comparing: %s is %v in the view of the image and %v when it is run (a defect of caisson)",
				policy.SubjectText(s, nil), p.Verdicts[i], got)
		}
		if v.Policy == nil {
			continue
		}
		if err := policy.Agrees(v.Policy, v.Env, s, p.Verdicts[i]); err != nil {
			return fmt.Errorf("comparing: %w", err)
		}
	}
	return nil
}
