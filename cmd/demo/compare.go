// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"caisson/audit"
	"caisson/daemon/launch"
	"caisson/policy"
)

// row is what is printed about an attempt.
type row struct {
	agent, tried, expected, did, rule, where string
	differences                              []string // empty: as expected
}

// process is what the process itself and what it left behind say.
type process uint8

const (
	succeeded process = iota
	refusedAccess
	refusedPermission
	unclear
)

// said reads the exit status and the message, in the words of the C library.
func (o *outcome) said() process {
	switch {
	case o.exit == 0:
		return succeeded
	case strings.Contains(o.stderr, "Permission denied"):
		return refusedAccess
	case strings.Contains(o.stderr, "Operation not permitted"):
		return refusedPermission
	}
	return unclear
}

// relevant returns the records that are about what was tried.
func (a *attempt) relevant(records []audit.Record) []audit.Record {
	var found []audit.Record
	for _, r := range records {
		if a.via == viaRefuse && r.Kind == audit.KindAdmin || a.via != viaRefuse && a.about.selects(&r) && r.Enforced != audit.EnforcedHeld {
			found = append(found, r)
		}
	}
	return found
}

// compare puts what was expected, what the process said, what is left of it, and what the log says side by side.
func (a *attempt) compare(o *outcome, records []audit.Record) row {
	r := row{agent: a.agent, tried: a.tried, expected: a.want.String(), rule: "-", where: "-"}
	r.did = a.compareProcess(o, &r)

	switch {
	case a.via == viaPlain && len(records) > 0:
		r.rule, r.where = records[0].Rule, records[0].Where
		r.differ("the log has %d records of a process that is no agent", len(records))
	case a.via == viaPlain:
		r.rule = "(not in the log)"
	case a.via != viaPlain:
		a.compareLog(a.relevant(records), &r)
	}
	return r
}

func (r *row) differ(format string, args ...any) {
	r.differences = append(r.differences, fmt.Sprintf(format, args...))
}

// compareProcess checks the first witness and says in a word what the kernel did.
func (a *attempt) compareProcess(o *outcome, r *row) string {
	happened, said := a.effect.seen(o), o.said()
	if happened != wants[a.want].happens {
		if happened {
			r.differ("it happened: there is %s", a.effect.text)
		} else {
			r.differ("it did not happen: there is no sign of %s", a.effect.text)
		}
	}

	if a.via == viaRefuse {
		if o.exit != launch.ExitRefused || !strings.Contains(o.stderr, "no policy") || !strings.Contains(o.stderr, a.agent) {
			r.differ("caisson did not say that the agent has no policy: exit status %d, %q", o.exit, o.stderr)
		}
		return "not run"
	}
	if launchFailed(o) {
		r.differ("the launch failed: %s", strings.TrimSpace(o.stderr))
	}

	word := map[process]string{succeeded: "allowed", refusedAccess: "EACCES", refusedPermission: "EPERM"}[said]
	if said == unclear {
		word = fmt.Sprintf("exit %d", o.exit)
	}
	if want := a.expects(); said != want {
		r.differ("the process ended with status %d: %q", o.exit, strings.TrimSpace(o.stderr))
	}
	return word
}

// expects is what the process must say: caisson refuses with EACCES only.
func (a *attempt) expects() process {
	if wants[a.want].happens {
		return succeeded
	}
	return refusedAccess
}

// launchFailed says whether caisson itself gave up, before there was anything to try.
func launchFailed(o *outcome) bool {
	return o.exit >= launch.ExitRefused && o.exit <= launch.ExitNotFound && strings.HasPrefix(o.stderr, "caisson: ")
}

// compareLog checks the second witness: the record that decided, which is the one that refused or else the last.
func (a *attempt) compareLog(about []audit.Record, r *row) {
	if len(about) == 0 {
		r.differ("the log has no record of it")
		return
	}

	decided := about[len(about)-1]
	for _, rec := range about {
		if rec.Enforced == audit.EnforcedDeny {
			decided = rec
			break
		}
	}
	r.where, r.rule = decided.Where, decided.Rule
	if r.rule == "" {
		r.rule = shortReason(decided.Reason)
	}

	if decided.Verdict != wants[a.want].verdict {
		r.differ("the log's verdict is %s, want %s", decided.Verdict, wants[a.want].verdict)
	}
	if a.via == viaRefuse {
		a.compareRefusal(&decided, r)
		return
	}
	a.compareDecision(&decided, r)
}

// compareRefusal is about a launch, which the daemon refuses: no system call of an agent was ever made.
func (a *attempt) compareRefusal(decided *audit.Record, r *row) {
	if decided.Where != "daemon" || !strings.Contains(decided.Reason, "no policy") {
		r.differ("the log says that it was refused by %q because of %q", decided.Where, decided.Reason)
	}
	r.rule = shortReason(noPolicy)
}

func (a *attempt) compareDecision(decided *audit.Record, r *row) {
	enforced := audit.EnforcedDeny
	if wants[a.want].happens {
		enforced = audit.EnforcedAllow
	}
	if decided.Enforced != enforced {
		r.differ("the log says that the kernel's answer was %q, want %q", decided.Enforced, enforced)
	}
	if decided.Rule != a.rule {
		r.differ("the log names the rule %q, want %q", decided.Rule, a.rule)
	}
	if !strings.Contains(decided.Reason, a.reason) {
		r.differ("the log's reason is %q, want %q", decided.Reason, a.reason)
	}
	if decided.Where != a.want.where() {
		r.differ("the log says that it was decided by %q", decided.Where)
	}
	if a.agent != ghost && decided.Agent != a.agent {
		r.differ("the log gives it to agent %q", decided.Agent)
	}
}

// shortReason is how a reason looks in the column of rules: its code, if it begins with one.
func shortReason(reason string) string {
	if strings.Contains(reason, noPolicy) {
		return policy.ReasonNoPolicy
	}
	code, _, _ := strings.Cut(reason, ": ")
	return code
}
