// SPDX-License-Identifier: Apache-2.0

package prove

import (
	"fmt"
	"net/netip"

	"caisson/policy"
)

// Outcome is what is known in the end.
type Outcome uint8

// The outcomes.
const (
	Proven  Outcome = iota // no subject of the set is ever allowed
	Refuted                // one is
	Unknown                // it cannot be told
)

// String is the outcome as a word.
func (o Outcome) String() string { return [...]string{"proven", "refuted", "unknown"}[o] }

// MarshalText writes the outcome's word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Answer is the outcome and what it rests on.
type Answer struct {
	Outcome Outcome
	Example *policy.Subject // of Refuted: a shortest subject that is allowed
	Verdict policy.Verdict  // of the example
	Rule    *policy.Rule    // that decides on the example, or that makes it unknown
	Host    string          // of Refuted: the example is allowed if this name leads to its address
	Later   bool            // of Refuted: not by the kernel itself, but by user space, to which it leaves it
	Why     string          // of Unknown
	Asked   []policy.Kind   // which kinds of subject were looked at
}

// prover is one question under way.
type prover struct {
	policy *policy.Policy
	env    policy.Env
	set    *set
	strict bool // approval counts as allowed
	states int
	answer Answer
}

// Ask answers a question about a policy as it is compiled in an environment, whose LookupHost is not used. The error is a
// [QuestionError], or says that the policy cannot be compiled.
func Ask(p *policy.Policy, env policy.Env, q Question) (*Answer, error) {
	hosts := q.Hosts
	if hosts == nil {
		hosts = &policy.PretendHosts{}
	}
	env.LookupHost = hosts.Lookup
	s, err := q.set(env)
	if err != nil {
		return nil, &QuestionError{err}
	}
	r := &prover{policy: p, env: env, set: s, strict: q.NotEvenApproval, states: q.States, answer: Answer{Asked: s.kinds}}
	image, err := policy.Compile(p, env)
	if err != nil {
		return nil, err
	}
	if err := r.world(image, env, ""); err != nil {
		return nil, err
	}
	if s.glob == "" && !s.byName {
		if err := r.hosts(image); err != nil {
			return nil, err
		}
	}
	return &r.answer, nil
}

// maxHosts bounds how many hosts a question about addresses is asked for.
const maxHosts = 200

// hosts asks again for each host of the policy, as if its name led to the addresses in question.
func (r *prover) hosts(image *policy.Image) error {
	names := image.Hosts()
	if len(names) > maxHosts {
		r.unknown(nil, fmt.Sprintf("the policy names %d hosts, more than %d", len(names), maxHosts))
		return nil
	}
	for _, name := range names {
		if r.answer.Outcome == Refuted {
			return nil
		}
		there := r.set.addresses(policy.NewAutomaton(image.Runner))
		env := r.env
		env.LookupHost = func(host string) []netip.Addr {
			if host == name {
				return there
			}
			return r.env.LookupHost(host)
		}
		other, err := policy.Compile(r.policy, env)
		if err != nil {
			return err
		}
		if err := r.world(other, env, name); err != nil {
			return err
		}
	}
	return nil
}

// world asks the question of one image.
func (r *prover) world(image *policy.Image, env policy.Env, host string) error {
	without, err := r.withoutDenials(image, env)
	if err != nil {
		return err
	}
	views := [2]*policy.Automaton{policy.NewAutomaton(image.Runner), policy.NewAutomaton(without.Runner)}
	w := world{image.Rules(), without.Rules(), nil, env, host}
	for _, k := range r.set.kinds {
		within, err := r.set.within(k, env)
		if err != nil {
			return err
		}
		e := &policy.Exploration{Kind: k, Within: within, States: r.states,
			Sides: []policy.Side{{Image: views[0], Kind: k}, {Image: views[1], Kind: k}}}
		if w.nameless = nil; k == policy.TCPKind || k == policy.UDPKind {
			w.nameless = image.Nameless()
		}
		var failed error
		complete := e.Each(func(p *policy.Place) bool {
			if p.Inside {
				failed = r.place(p, &w)
			}
			return failed == nil && r.answer.Outcome != Refuted
		})
		switch {
		case failed != nil:
			return failed
		case r.answer.Outcome == Refuted:
			return nil
		case !complete:
			r.unknown(nil, "the policy is too large for the bound of this search")
		}
	}
	return nil
}

// withoutDenials is the policy without the denials that wait for user space: where such a rule does not match after all, what
// follows it decides.
func (r *prover) withoutDenials(image *policy.Image, env policy.Env) (*policy.Image, error) {
	later := policy.NewAutomaton(image.Runner).Deferring()
	all := image.Rules()
	less := *r.policy
	less.Rules = nil
	for i, rule := range r.policy.Rules {
		if !later[i] || r.bad(all[i].Effect) {
			less.Rules = append(less.Rules, rule)
		}
	}
	if len(less.Rules) == len(r.policy.Rules) {
		return image, nil
	}
	return policy.Compile(&less, env)
}

// bad says whether an effect is what must never be.
func (r *prover) bad(e policy.Effect) bool {
	return e == policy.Allow || r.strict && e == policy.RequireApproval
}

// world is one image that the question is asked of.
type world struct {
	rules    []policy.Rule
	less     []policy.Rule // those of the image without denials that wait for user space
	nameless map[int]bool  // [policy.Image.Nameless], of connections
	env      policy.Env
	host     string // as if this name led to the addresses in question; "": none
}

// place looks at one place inside the set.
func (r *prover) place(p *policy.Place, w *world) error {
	v := p.Verdicts[0]
	switch {
	case v.Effect == policy.Defer && w.nameless[v.Rule]:
		return nil // user space denies
	case r.bad(v.Effect):
		if !p.Real {
			r.unknown(&w.rules[v.Rule], "the patterns at one place are so entangled that it is not known whether any name matches these")
			return nil
		}
		s := p.Subject()
		if err := r.check(s, v, w.env); err != nil {
			return err
		}
		r.refuted(s, v, &w.rules[v.Rule], w.host, false)
	case v.Effect != policy.Defer:
	case r.bad(w.rules[v.Rule].Effect):
		r.later(p, w)
	default:
		// The deferred rule forbids; if it does not match after all, what stands behind it decides.
		next := p.Verdicts[1]
		if r.bad(next.Effect) || next.Effect == policy.Defer && r.bad(w.less[next.Rule].Effect) {
			r.later(p, w)
		}
	}
	return nil
}

// later is a place about which only user space can tell. About one subject, it is asked.
func (r *prover) later(p *policy.Place, w *world) {
	if p.Real {
		s := p.Subject()
		if s.URL = r.set.url; r.set.byName && s.URL != nil {
			s.Addr = netip.Addr{} // the address is made up, and it is the name that is asked about
		}
		if v := policy.Settle(r.policy, w.env, s, 0); r.bad(v.Effect) {
			r.refuted(s, v, &w.rules[v.Rule], w.host, true)
			return
		}
		if s.URL != nil {
			return // the question is about this one origin
		}
	}
	r.unknown(&w.rules[p.Verdicts[0].Rule], "it depends on a pattern that only user space can match")
}

// check runs a counter-example on the image and on the specification: one that is not true must never be shown.
func (r *prover) check(s policy.Subject, v policy.Verdict, env policy.Env) error {
	if err := policy.Agrees(r.policy, env, s, v); err != nil {
		return fmt.Errorf("proving: %w", err)
	}
	return nil
}

// refuted ends the search.
func (r *prover) refuted(s policy.Subject, v policy.Verdict, rule *policy.Rule, host string, later bool) {
	r.answer.Outcome, r.answer.Example, r.answer.Verdict, r.answer.Rule = Refuted, &s, v, rule
	r.answer.Host, r.answer.Later, r.answer.Why = host, later, ""
}

// unknown remembers the first reason for which it cannot be told; the search goes on, for a counter-example.
func (r *prover) unknown(rule *policy.Rule, why string) {
	if r.answer.Outcome == Proven {
		r.answer.Outcome, r.answer.Rule, r.answer.Why = Unknown, rule, why
	}
}
