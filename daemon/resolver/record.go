// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// event is one event with what is known about it.
type event struct {
	layout.Event
	path  []byte   // from the root of its superblock; of an abstract Unix socket: "@/" and its name
	words [][]byte // arguments without argv[0]
	cut   bool     // there are more
	agent *agent
	gen   *generation // nil: not known any more

	answer *Answer // to the question that the event is the end of; nil: there is none, or an earlier daemon gave it
}

// subject is what the kernel judged, for the image.
func (e *event) subject() policy.Subject {
	s := policy.Subject{Action: policy.Action(e.Action)}
	switch s.Action {
	case policy.Network:
		if e.Family == unix.AF_UNIX {
			s.Proto, s.Names = policy.ProtoUnix, locationNames(e.path)
			return s
		}
		s.Proto, s.Addr, s.Port = uint8(e.Proto), netip.AddrFrom16(e.Addr), e.Port
	case policy.ShellExec:
		s.Args, s.TruncatedArgs = e.words, e.cut
		fallthrough
	default:
		s.Names = locationNames(e.path)
	}
	return s
}

// abstract is how the name of a Unix socket begins that is bound to no path; no location does.
var abstract = []byte("@/")

// locationNames are the names of a location, or the one name of an abstract socket.
func locationNames(path []byte) [][]byte {
	switch rest := bytes.TrimPrefix(path, []byte("/")); {
	case len(rest) == 0:
		return nil
	case bytes.HasPrefix(path, abstract):
		return [][]byte{path}
	default:
		return bytes.Split(rest, []byte("/"))
	}
}

// record writes the event down.
func (r *Resolver) record(e *event) audit.Record {
	op, known := operations[e.Op]
	uid := e.UID
	rec := audit.Record{
		T: r.when(e.Time), Mono: e.Time, Kseq: &audit.Kseq{CPU: e.CPU, N: e.N},
		Agent: r.name(e), Run: r.opt.Run(e.Run), Kind: op.kind, Op: op.name,
		Action: policy.Action(e.Action).String(), Enforced: e.enforced(),
		Rule: e.rule(), Reason: reasonText(&e.Event), Where: "kernel", Gen: uint64(e.Generation),
		PID: e.PID, TID: e.TID, Start: e.Start, PPID: e.PPID, UID: &uid, Cg: e.Run, Comm: text(e.Comm[:]),
	}
	if e.Action == layout.ActionFloor {
		rec.Action = "" // none of the policy language's
	}
	if e.gen != nil {
		rec.Pol = e.gen.digest
	} else if e.Generation != 0 {
		rec.Text = "unchecked: the policy that decided is not known any more"
	}
	if !known {
		rec.Kind = audit.KindIntegrityFailed
		rec.Text = fmt.Sprintf("event with an unknown operation, %d", e.Op)
	}
	if e.answer != nil {
		rec.Where, rec.Reason, rec.Ask, rec.Actor = "daemon", e.answer.text(), e.answer.Ask, e.answer.Actor
	}
	r.describe(&rec, e)
	rec.Verdict = e.verdictText(rec.Path)
	return rec
}

// describe fills in the subject.
func (r *Resolver) describe(rec *audit.Record, e *event) {
	if policy.Action(e.Action) != policy.Network {
		rec.Path = r.opt.Path(e.Dev, string(e.path))
		if e.Op == layout.OpExec {
			rec.Argc = int(e.Argc)
			rec.Argv = redact(e.words, e.vocabulary())
		}
		return
	}

	switch {
	case e.Family == unix.AF_UNIX:
		rec.Proto, rec.Path = "unix", r.socketPath(e)
	case e.Family != unix.AF_INET && e.Family != unix.AF_INET6:
		rec.Proto = fmt.Sprintf("family %d", e.Family)
	default:
		rec.Proto = protocol(e.Proto)
		rec.Addr, rec.Port = netip.AddrFrom16(e.Addr).Unmap().String(), e.Port
	}
}

// socketPath is the host's path of a Unix socket, or "@" and its abstract name.
func (r *Resolver) socketPath(e *event) string {
	if name, ok := bytes.CutPrefix(e.path, abstract); ok {
		return "@" + string(name)
	}
	return r.opt.Path(e.Dev, string(e.path))
}

func protocol(n uint16) string {
	switch n {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	}
	return fmt.Sprintf("protocol %d", n)
}

// rule is the name of the rule that the verdict word numbers; "" when there is none or its policy is not known any more.
func (e *event) rule() string {
	_, n := layout.SplitVerdict(e.Verdict)
	if !ruled[e.Reason] || e.gen == nil || n < 0 || n >= len(e.gen.rules) {
		return ""
	}
	return e.gen.rules[n].Name
}

// baseline says whether the event is a read that only the baseline allowed.
func (e *event) baseline() bool {
	effect, n := layout.SplitVerdict(e.Verdict)
	return e.Reason == layout.ReasonPolicy && e.Op == layout.OpOpen && e.Action == layout.ActionRead &&
		effect == layout.EffectAllow && e.Denied == 0 &&
		e.gen != nil && n >= 0 && n < len(e.gen.rules) && e.gen.rules[n].Baseline
}

// vocabulary is of the policy that decided, or empty when it is not known any more.
func (e *event) vocabulary() map[string]bool {
	if e.gen == nil {
		return nil
	}
	return e.gen.words
}

// when turns the kernel's time since boot into wall-clock time. The clocks are compared once a second, not per event.
func (r *Resolver) when(boot uint64) time.Time {
	if r.epoch.IsZero() || boot > r.readAt+uint64(time.Second) {
		wall, now := r.opt.Clock()
		r.epoch, r.readAt = wall.Add(-time.Duration(now)), now
	}
	return r.epoch.Add(time.Duration(boot))
}

// name is the identity of who did it. Where the kernel knows of none, its cgroup may still say whose it was meant to be.
func (r *Resolver) name(e *event) string {
	if e.Agent != 0 || r.opt.Owner == nil {
		return e.agent.name
	}
	if name, ok := r.strangers[e.Run]; ok {
		return name
	}
	name := r.opt.Owner(e.Run)
	if name != "" && len(r.strangers) < maxStrangers {
		r.strangers[e.Run] = name
	}
	return name
}

// text is a string that ends at the first zero byte.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
