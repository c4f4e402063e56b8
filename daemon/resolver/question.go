// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"bytes"
	"net"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// Question is a system call that the kernel holds until it is answered.
type Question struct {
	Hold    uint64       // the kernel's number for it
	Group   string       // of calls that one answer can answer: the run, or the cgroup of processes that are in none
	Subject string       // exactly what it is about
	Record  audit.Record // as it stands in the log, where words that may be secrets are hidden
	verdict uint32       // the image's
	gen     *generation  // nil: not known any more
	subject policy.Subject
}

// Ruling is what the policy says about a question once everything has been looked at.
type Ruling struct {
	Effect  policy.Effect // DEFER: it cannot be decided here either
	Rule    policy.Rule   // zero: none
	Verdict uint32        // as the kernel is told
}

// Verdict is the image's word on it.
func (q *Question) Verdict() uint32 { return q.verdict }

// Settle decides what the image left open. It may take its time: a policy can have many rules.
func (q *Question) Settle() Ruling {
	if q.gen == nil {
		return Ruling{Effect: policy.Deny}
	}
	effect, rule := layout.SplitVerdict(q.verdict)
	v := policy.Verdict{Effect: policy.Effect(effect), Rule: rule}
	if v.Effect == policy.Defer {
		v = policy.Settle(q.gen.policy, q.gen.env, q.subject, rule)
	}
	r := Ruling{Effect: v.Effect, Verdict: v.Word()}
	if v.Rule >= 0 && v.Rule < len(q.gen.rules) {
		r.Rule = q.gen.rules[v.Rule]
	}
	return r
}

// question makes one of an event that says that a call is held.
func (r *Resolver) question(e *event, rec audit.Record) *Question {
	q := &Question{Hold: e.Hold, Record: rec, Group: rec.Run, verdict: e.Verdict, gen: e.gen, subject: e.onHost(rec.Path)}
	if q.Group == "" {
		q.Group = "cgroup " + strconv.FormatUint(e.Run, 10)
	}
	q.subject.Names, q.subject.Args = cloneWords(q.subject.Names), cloneWords(q.subject.Args)
	q.Subject = exactly(e, rec)
	return q
}

// onHost is the subject as the rules speak of it: the event has a location on its file system, and they have one on the
// host.
func (e *event) onHost(path string) policy.Subject {
	s := e.subject()
	if policy.Action(e.Action) != policy.Network || e.Family == unix.AF_UNIX && !bytes.HasPrefix(e.path, abstract) {
		s.Names = locationNames([]byte(path))
	}
	return s
}

// cloneWords copies words out of the event's buffer.
func cloneWords(words [][]byte) [][]byte {
	out := make([][]byte, len(words))
	for i := range words {
		out[i] = bytes.Clone(words[i])
	}
	return out
}

// exactly is what an event is about, so that no two things are written the same: words are quoted where they must be, and
// a command whose words are not all known is like no other.
func exactly(e *event, rec audit.Record) string {
	switch {
	case rec.Addr != "":
		return rec.Proto + " " + net.JoinHostPort(rec.Addr, strconv.Itoa(int(rec.Port)))
	case e.Op != layout.OpExec:
		return quoteWord(rec.Path)
	}
	words := []string{quoteWord(rec.Path)}
	for _, w := range e.words {
		words = append(words, quoteWord(string(w)))
	}
	if e.cut {
		words = append(words, "(and words that are not known; call "+strconv.FormatUint(e.Hold, 10)+")")
	}
	return strings.Join(words, " ")
}

// quoteWord writes a word as itself if no reader could take it for more, or less, than one word.
func quoteWord(w string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_-./:=@%+,~^", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return strconv.Quote(w)
}
