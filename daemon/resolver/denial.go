// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"slices"
	"strings"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// denialsKept is how many denials of a run are remembered for it.
const denialsKept = 64

// Denial is something that a run was refused, as it may be told.
type Denial struct {
	Time       time.Time
	Action, Op string
	Subject    string
	Rule       string
	Reason     string // one word that stays the same
	Text       string // more for people
	Message    string
	Retry      Retry
	RetryAfter time.Time // with RetryLater; zero: nobody knows
}

// Retry says whether it can help to ask again.
type Retry uint8

// The answers to that.
const (
	RetryNo    Retry = iota // the policy will say the same
	RetryLater              // somebody is asked again, or can be
	RetryNow                // what was in the way was of the moment
)

// passing are the reasons that can be gone the next time; all others are the policy's, or the call's own.
var passing = map[uint8]Retry{
	layout.ReasonRace: RetryNow, layout.ReasonNoMemory: RetryNow,
	layout.ReasonUnattended: RetryLater, layout.ReasonQueueFull: RetryLater, layout.ReasonRefused: RetryLater,
}

// deny remembers a denial for the run.
func (r *Resolver) deny(e *event, rec audit.Record) {
	d := Denial{Time: rec.T, Action: rec.Action, Op: rec.Op, Subject: exactly(e, rec), Rule: rec.Rule, Retry: passing[e.Reason]}
	reason := rec.Reason
	if reason == "" {
		reason = "rule: a rule denies it"
	}
	d.Reason, d.Text, _ = strings.Cut(reason, ": ")
	if e.Reason == layout.ReasonPolicy && rec.Rule == "" {
		d.Text = "no rule allows it"
	}
	if _, n := layout.SplitVerdict(e.Verdict); rec.Rule != "" && e.gen != nil {
		d.Message = e.gen.rules[n].Approval.Message
	}
	if a := e.answer; a != nil {
		d.RetryAfter = a.RetryAfter
		if a.Message != "" {
			d.Message = a.Message
		}
		if effect, _ := layout.SplitVerdict(a.Verdict); effect == uint32(policy.Deny) {
			d.Retry = RetryNo
		}
	}

	s := r.run(e.Run)
	s.denials = append(s.denials, d)
	if len(s.denials) > denialsKept {
		s.denials = slices.Delete(s.denials, 0, 1)
	}
}

// Denials returns what the run in a cgroup was refused last, newest first.
func (r *Resolver) Denials(cg uint64) []Denial {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Denial
	if s := r.runs[cg]; s != nil {
		out = slices.Clone(s.denials)
	}
	slices.Reverse(out)
	return out
}
