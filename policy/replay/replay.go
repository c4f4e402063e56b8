// SPDX-License-Identifier: Apache-2.0

// Package replay decides recorded events again by a candidate policy and says where the verdict changes. It knows nothing
// of the log: the caller makes subjects of records, and says which events cannot be made into one.
package replay

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"caisson/policy"
	"caisson/policy/trial"
)

// Event is one decision that was made.
type Event struct {
	Subject policy.Subject
	Text    string // the subject, for people
	Verdict policy.Effect
	Rule    string // "": none
	Time    time.Time
	Lineage bool // it was allowed because of what started it
}

// Change is events whose verdict changes in the same way.
type Change struct {
	Action  policy.Action `json:"action"`
	Subject string        `json:"subject"`
	Count   uint64        `json:"count"`
	Old     Verdict       `json:"old"`
	New     Verdict       `json:"new"`
}

// Verdict is an effect and the rule that gave it.
type Verdict struct {
	Effect policy.Effect `json:"effect"`
	Rule   string        `json:"rule"` // or no-rule
	Place  string        `json:"place,omitempty"`
}

// Reasons for which an event has no answer.
const (
	UnknownWords   = "it depends on words that the log hides"
	UnknownNames   = "it depends on the addresses of a host name"
	UnknownLineage = "it depends on which program started it"
)

// Replay is a candidate policy and what became of the events so far.
type Replay struct {
	policy  *policy.Policy
	env     policy.Env
	judges  map[string]*policy.Judge
	changes map[Change]uint64

	Events  uint64            // decided again
	Same    uint64            // with the same effect
	Unknown map[string]uint64 // not decided, by reason
}

// New makes a replay. The policy's variables are bound. Where env knows no addresses of a host, connections that depend on
// them are unknown.
func New(p *policy.Policy, env policy.Env) (*Replay, error) {
	r := &Replay{policy: p, env: env, judges: map[string]*policy.Judge{}, changes: map[Change]uint64{}, Unknown: map[string]uint64{}}
	_, err := r.judge(time.Now(), elsewhere)
	return r, err
}

// elsewhere is an address that nobody connects to (RFC 6666).
var elsewhere = netip.MustParseAddr("100::1")

// judge compiles the candidate as it is in force at an instant. Every host that env does not know has the given address: a
// connection is asked about twice, with the host at its other end and with the host elsewhere.
func (r *Replay) judge(at time.Time, guess netip.Addr) (*policy.Judge, error) {
	then := trial.At(r.policy, at)
	var key strings.Builder
	key.WriteString(guess.String())
	for i := range r.policy.Rules {
		if !r.policy.Rules[i].Active(at) {
			key.WriteByte(' ')
			key.WriteString(r.policy.Rules[i].Name)
		}
	}
	if j := r.judges[key.String()]; j != nil {
		return j, nil
	}

	env := r.env
	env.LookupHost = func(host string) []netip.Addr {
		if r.env.LookupHost != nil {
			if known := r.env.LookupHost(host); len(known) > 0 {
				return known
			}
		}
		return []netip.Addr{guess}
	}
	j, err := policy.NewJudge(then, env, r.policy.Agent)
	if err == nil {
		r.judges[key.String()] = j
	}
	return j, err
}

// Skip counts an event that could not be made into a subject.
func (r *Replay) Skip(why string, count uint64) { r.Unknown[why] += max(count, 1) }

// Add decides an event again.
func (r *Replay) Add(e Event) error {
	j, err := r.judge(e.Time, elsewhere)
	if err != nil {
		return err
	}
	v := j.Decide(e.Subject)
	if e.Subject.Action == policy.Network && e.Subject.Addr.IsValid() {
		k, err := r.judge(e.Time, e.Subject.Addr)
		if err != nil {
			return err
		}
		if k.Decide(e.Subject).Effect != v.Effect {
			r.Unknown[UnknownNames]++
			return nil
		}
	}
	switch {
	case v.Reason == policy.ReasonTooLong && e.Subject.TruncatedArgs:
		r.Unknown[UnknownWords]++
		return nil
	case v.Rule < 0 && e.Lineage:
		r.Unknown[UnknownLineage]++
		return nil
	}
	r.compare(e, j, v)
	return nil
}

// compare counts what became of one event.
func (r *Replay) compare(e Event, j *policy.Judge, v policy.Verdict) {
	r.Events++
	if v.Effect == e.Verdict {
		r.Same++
		return
	}
	c := Change{Action: e.Subject.Action, Subject: e.Text, Old: Verdict{Effect: e.Verdict, Rule: cmp.Or(e.Rule, policy.ReasonNoRule)},
		New: Verdict{Effect: v.Effect, Rule: name(j, v)}}
	if rule := j.Rule(v); rule != nil && rule.File != "" {
		c.New.Place = place(rule)
	}
	r.changes[c]++
}

// Changes are the changes, the most frequent first.
func (r *Replay) Changes() []Change {
	list := make([]Change, 0, len(r.changes))
	for c, n := range r.changes {
		c.Count = n
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Old.Rule, b.Old.Rule), cmp.Compare(a.New.Rule, b.New.Rule))
	})
	return list
}

// Skipped is how many events have no answer.
func (r *Replay) Skipped() uint64 {
	total := uint64(0)
	for n := range maps.Values(r.Unknown) {
		total += n
	}
	return total
}
