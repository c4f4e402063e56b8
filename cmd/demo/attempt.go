// SPDX-License-Identifier: Apache-2.0

package main

import (
	"caisson/audit"
	"caisson/policy"
)

// want is what the policy says must happen.
type want uint8

const (
	allow want = iota
	deny
	approved // held until somebody approves it
	refused  // held until somebody denies it
	timedOut // held until its deadline, because nobody answers
)

// wants says of each how the table shows it and the audit log writes it, what the operator types meanwhile, and what comes
// of it.
var wants = [...]struct {
	text, verdict, answer string
	happens               bool
}{
	allow:    {"allow", audit.VerdictAllow, "", true},
	deny:     {"deny", audit.VerdictDeny, "", false},
	approved: {"approve", audit.VerdictRequireApproval, "approve", true},
	refused:  {"refuse", audit.VerdictRequireApproval, "deny", false},
	timedOut: {"time out", audit.VerdictRequireApproval, "", false},
}

// String is how the table shows it.
func (w want) String() string { return wants[w].text }

// where is who decides it in the end.
func (w want) where() string {
	if wants[w].verdict == audit.VerdictRequireApproval {
		return "daemon"
	}
	return "kernel"
}

// via is how the process came to be what it is.
type via uint8

const (
	viaRun    via = iota // caisson run --agent A -- argv
	viaRefuse            // the same, but the daemon must refuse to launch
	viaSlice             // started in the slice of an identity, as a systemd unit would be; argv is one line of bash
	viaPlain             // an ordinary process: no agent
)

// attempt is one line of the demo: something a real program tries.
type attempt struct {
	agent  string
	via    via
	argv   []string
	tried  string // what the process really tries, for people
	want   want
	rule   string             // name of the rule that decides; "": none does
	reason string             // part of the log's reason
	about  subject            // which records are about what was tried
	effect effect             // what there is to see when it happened
	before func(*world) error // preparation by the operator, after the files were made anew
	keep   bool               // the attempt goes on with the files the last one left
	named  bool               // needs host names that stand for addresses of the loopback interface
}

// subject selects the records that are about one thing; an empty field selects all.
type subject struct {
	op     string
	action policy.Action
	path   string
	addr   string
	port   uint16
}

func (s subject) selects(r *audit.Record) bool {
	// The launch of a run's first program is the operator's doing, not something the agent tried.
	if r.Kind == audit.KindExec && r.Rule == "" && r.Enforced == audit.EnforcedAllow {
		return false
	}
	return r.Op == s.op && r.Action == s.action.String() && r.Path == s.path && r.Addr == s.addr && r.Port == s.port
}

// effect is what can be seen, from outside the process, when what it tried really happened.
type effect struct {
	text string // for people, completes "there is no sign of …"
	seen func(o *outcome) bool
}

// outcome is what came of the process.
type outcome struct {
	pid      int
	exit     int // exit status; 128+n: ended by signal n
	stdout   string
	stderr   string
	accepted bool // one of the listeners got a connection
}
