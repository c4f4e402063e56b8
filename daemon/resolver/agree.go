// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"fmt"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// settled are the reasons for which something is allowed whatever the rules say. With sameVerdict the rules have been asked
// all the same, and have said that none of them matches.
var settled = map[uint8]struct{ sameVerdict bool }{
	layout.ReasonLaunch:     {false},
	layout.ReasonControl:    {false},
	layout.ReasonContinued:  {true},
	layout.ReasonDescendant: {true},
	layout.ReasonApproved:   {false}, // see answered
}

// answerable are the reasons of which an answer is the cause.
var answerable = map[uint8]bool{layout.ReasonApproved: true, layout.ReasonRefused: true}

// unanswered are the reasons for which there is no answer, and the verdict is what the image has said.
var unanswered = map[uint8]bool{layout.ReasonHeld: true, layout.ReasonCannotWait: true, layout.ReasonUnattended: true, layout.ReasonQueueFull: true}

// ruled are the reasons with which the verdict names a rule that has decided, or is to decide.
var ruled = map[uint8]bool{
	layout.ReasonPolicy: true, layout.ReasonApproved: true, layout.ReasonRefused: true,
	layout.ReasonHeld: true, layout.ReasonCannotWait: true, layout.ReasonUnattended: true, layout.ReasonQueueFull: true,
}

// firm are the reasons for which an agent is refused something even if it is only observed: the hard floor, and what no
// valid image decided. Keep in sync with REASONS_FIRM in bpf/event.h.
var firm = map[uint8]bool{layout.ReasonFloor: true, layout.ReasonNoPolicy: true, layout.ReasonNoMemory: true, layout.ReasonBroken: true}

// permitted says whether the decision is that it may be done.
func permitted(e *layout.Event) bool {
	if e.Reason != layout.ReasonPolicy {
		_, ok := settled[e.Reason]
		return ok
	}
	effect, _ := layout.SplitVerdict(e.Verdict)
	return effect == layout.EffectAllow
}

// enforced is what the kernel did.
func (e *event) enforced() string {
	switch {
	case e.Denied != 0:
		return audit.EnforcedDeny
	case permitted(&e.Event):
		return audit.EnforcedAllow
	case e.Reason == layout.ReasonHeld:
		return audit.EnforcedHeld
	}
	return audit.EnforcedObserved
}

// agree compares the kernel's verdict with that of the same image run here, from the same start node: the mount table may
// have changed in between, the node the kernel started at has not. It also compares the verdict with what was done.
func (r *Resolver) agree(e *event) error {
	difference := e.answered()
	if other := e.judged(); other != "" {
		difference = other
	}
	if difference == "" {
		return nil
	}

	r.stats.Disagreements++
	rec := r.record(e)
	rec.Kind, rec.Text = audit.KindDisagreement, difference
	return r.opt.Record(rec)
}

// answered says how the kernel's answer is not what it decided; "" if it is, or if the agent is only observed.
func (e *event) answered() string {
	if a := e.answer; a != nil && (a.Allow != (e.Denied == 0) || a.Verdict != e.Verdict) {
		return fmt.Sprintf("question %d was answered otherwise: %s", e.Hold, a.text())
	}
	done, decided := e.Denied == 0, permitted(&e.Event)
	if done == decided || e.Reason == layout.ReasonHeld || done && !firm[e.Reason] && e.loose() {
		return ""
	}
	return fmt.Sprintf("verdict %s, but the kernel's answer was not that", e.verdictText(""))
}

// loose says whether denials are not carried out under the policy that decided, as far as that is known. A program whose
// words turned out to be others is reported without asking the image again.
func (e *event) loose() bool {
	if e.gen == nil {
		return e.Generation != 0 || fatal[e.Reason]
	}
	return e.gen.observe
}

// judged says how the verdict is not that of the image; "" if it is, or if the rules were not asked.
func (e *event) judged() string {
	asked := e.Reason == layout.ReasonPolicy || settled[e.Reason].sameVerdict || unanswered[e.Reason] ||
		answerable[e.Reason] && e.Hold == 0 // answered before, in the same system call
	if !asked || e.gen == nil {
		return ""
	}
	v := e.gen.image.RunFrom(e.StartNode, e.subject())
	if v.Word() != e.Verdict {
		return fmt.Sprintf("kernel: %s; user space: %s", e.gen.word(e.Verdict), e.gen.word(v.Word()))
	}
	if _, rule := layout.SplitVerdict(e.Verdict); settled[e.Reason].sameVerdict && rule >= 0 {
		return fmt.Sprintf("the kernel says %q, but a rule has decided: %s", reasonText(&e.Event), e.gen.word(e.Verdict))
	}
	return ""
}

// word says a verdict word in words.
func (g *generation) word(w uint32) string {
	effect, n := layout.SplitVerdict(w)
	name := "no rule"
	if n >= 0 {
		name = fmt.Sprintf("rule %d, which does not exist", n)
	}
	if n >= 0 && n < len(g.rules) {
		name = fmt.Sprintf("rule %q", g.rules[n].Name)
	}
	return fmt.Sprintf("%s by %s", policy.Effect(effect), name)
}
