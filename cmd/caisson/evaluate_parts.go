// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"

	"caisson/policy"
	"caisson/policy/shell"
)

// nothingAsked is the reason of an answer about a string that starts no program and opens no file.
const nothingAsked = "the shell does all of it itself: no program is started"

// evaluatedPart is one part of a command and what the policy says about it.
type evaluatedPart struct {
	Kind     shell.Kind     `json:"kind"`
	Text     string         `json:"text"`
	Line     int            `json:"line"`
	Col      int            `json:"col"`
	Via      string         `json:"via,omitempty"`
	Action   *policy.Action `json:"action,omitempty"` // none: the kernel is not asked
	Effect   *policy.Effect `json:"effect,omitempty"`
	Rule     string         `json:"rule,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Later    string         `json:"later,omitempty"`
	Resolved *bool          `json:"resolved,omitempty"`
}

// answerParts decides each part of a command; the strictest answer is the answer.
func (e *evaluation) answerParts(u *ui, judge *policy.Judge, parts []shell.Part) error {
	decisions := shell.Decide(parts, judge)
	a := evaluated{Answer: policy.Answer{Agent: e.agent.value, Action: policy.ShellExec}}
	strictest, any := shell.Strictest(decisions)
	switch {
	case any:
		a.Effect, a.Rule, a.Reason, a.Later, a.Resolved = strictest.Effect, strictest.Rule, strictest.Reason, strictest.Later, strictest.Resolved
	case !judge.HasPolicy():
		a.Effect, a.Reason = policy.Deny, policy.ReasonNoPolicy
	default:
		a.Effect, a.Reason = policy.Allow, nothingAsked
	}

	var missing []string
	for _, d := range decisions {
		a.Parts = append(a.Parts, shownPart(d))
		if d.Resolved != nil && !*d.Resolved && !slices.Contains(missing, d.Argv[0]) && len(decisions) > 1 {
			missing = append(missing, d.Argv[0])
		}
	}
	for _, name := range missing {
		u.note("%s is not on secure_path of this machine: names were compared", name)
	}
	if len(decisions) > 1 {
		a.Resolved = nil
	}
	return e.answer(u, a)
}

func shownPart(d shell.Decision) evaluatedPart {
	p := evaluatedPart{Kind: d.Kind, Text: d.Text, Line: d.Line, Col: d.Col, Via: d.Via, Rule: d.Rule, Reason: d.Reason, Later: d.Later, Resolved: d.Resolved}
	if d.Decided {
		p.Effect = &d.Effect
		if d.Kind != shell.Unknown {
			p.Action = &d.Action
		}
	}
	return p
}

// list prints the parts where there are several: one says no more than the answer.
func (a *evaluated) list(u *ui) {
	if len(a.Parts) < 2 {
		return
	}
	t := u.table()
	t.indent = "  "
	for _, p := range a.Parts {
		effect, why := tinted{p.Kind.String(), ""}, ""
		if p.Effect != nil {
			effect = tint(p.Effect.String())
			if why = p.Rule; why == "" {
				why = p.Reason
			}
		}
		text := p.Text
		if p.Via != "" {
			text += "   (by " + p.Via + ")"
		}
		t.row(effect, why, text)
	}
	t.flush()
}
