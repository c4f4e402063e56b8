// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"net"
	"strings"

	"caisson/policy"
)

// Decision is a part and what a policy says about it.
type Decision struct {
	Part
	Decided  bool // false: the kernel is not asked about it
	Action   policy.Action
	Effect   policy.Effect
	Rule     string // that decided; "": none
	Reason   string
	Later    string // as in [policy.Answer]
	Resolved *bool  // Command: whether the program was found on this machine
	By       *policy.Rule
}

// Decide puts every part to the policy.
func Decide(parts []Part, j *policy.Judge) []Decision {
	out := make([]Decision, len(parts))
	for i, p := range parts {
		out[i] = decide(p, j)
	}
	return out
}

// decide puts one part to the policy.
func decide(p Part, j *policy.Judge) Decision {
	d := Decision{Part: p, Decided: true, Action: policy.ShellExec, Effect: policy.Deny, Reason: p.Why}
	var s policy.Subject
	var err error
	switch p.Kind {
	case Builtin, Function:
		d.Decided, d.Effect = false, policy.Allow
		return d
	case Unknown:
		return d
	case Command:
		s, _, err = policy.ArgvSubject(j.Env(), p.Argv, p.Cut)
	case Read:
		d.Action = policy.FileRead
		s, err = policy.PathSubject(policy.FileRead, p.Path)
	case Write:
		d.Action = policy.FileWrite
		s, err = policy.PathSubject(policy.FileWrite, p.Path)
	case Connect:
		d.Action = policy.Network
		s, err = policy.ConnectSubject(target(p))
	}
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // that it is about the subject is clear
		}
		d.Reason = err.Error()
		return d
	}

	v := j.Decide(s)
	a := j.Answer(s)
	d.By = j.Rule(v)
	d.Effect, d.Rule, d.Reason, d.Later, d.Resolved = a.Effect, a.Rule, a.Reason, a.Later, a.Resolved
	switch {
	case a.Effect == policy.Allow && p.Read != "" && strings.HasPrefix(a.Rule, "baseline:"):
		// Any shell may start because each of its commands is decided; these commands nobody has seen.
		d.Effect, d.Rule, d.Reason, d.By = policy.Deny, "", p.Read, nil
	case a.Reason == policy.ReasonTooLong && p.Cut:
		d.Reason = "it depends on words that are only known when it runs"
	}
	return d
}

// target is the place that a part connects to, as policy.ConnectSubject reads it.
func target(p Part) string {
	scheme := "tcp://"
	if p.UDP {
		scheme = "udp://"
	}
	return scheme + net.JoinHostPort(strings.Trim(p.Host, "[]"), p.Port)
}

// strictness orders effects; what is not here is a denial.
var strictness = map[policy.Effect]int{policy.Allow: 1, policy.RequireApproval: 2}

// Strictest is the first decision than which none is stricter; false when the kernel is asked about nothing.
func Strictest(list []Decision) (Decision, bool) {
	rank := func(d Decision) int {
		if n := strictness[d.Effect]; n > 0 {
			return n
		}
		return 3
	}
	best, found := Decision{}, false
	for _, d := range list {
		if d.Decided && (!found || rank(d) > rank(best)) {
			best, found = d, true
		}
	}
	return best, found
}
