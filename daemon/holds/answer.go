// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/approvals"
	"caisson/daemon/hooks"
	"caisson/daemon/resolver"
)

// Respond answers requests for somebody. What becomes of each is in the answer; the error is that of the whole.
func (h *Holder) Respond(p approvals.Person, in api.AnswerRequest) (api.Answers, error) {
	if problem, hint := wrong(in); problem != "" {
		return api.Answers{}, &api.Error{Status: http.StatusBadRequest, Message: problem, Hint: hint}
	}
	out := api.Answers{Answers: []api.Answered{}}
	ids := in.IDs
	if in.Agent != "" {
		for _, a := range h.Pending(p).Requests {
			if a.Agent == in.Agent {
				ids = append(ids, a.ID)
			}
		}
	}
	for _, id := range ids {
		out.Answers = append(out.Answers, h.respond(p, in, id))
	}
	return out, nil
}

// wrong says what is wrong with an answer.
func wrong(in api.AnswerRequest) (problem, hint string) {
	approve := in.Answer == api.AnswerApprove
	switch {
	case !approve && in.Answer != api.AnswerDeny:
		return fmt.Sprintf("answer %q is not known", in.Answer), "use approve or deny"
	case (len(in.IDs) > 0) == (in.Agent != ""):
		return "either ids or an agent must be named", "caisson approvals lists both"
	case !approve && (in.Run || in.For != 0 || in.Pattern):
		return "a denial has no scope: it is remembered for the run, for a while", "leave run, for and pattern out"
	case len(in.Text) > api.MaxText || strings.ContainsFunc(in.Text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "the text is too long, or not text", fmt.Sprintf("use at most %d bytes in one line", api.MaxText)
	}
	return "", ""
}

// respond answers one request.
func (h *Holder) respond(p approvals.Person, in api.AnswerRequest, id string) api.Answered {
	h.mu.Lock()
	asked, known := h.queue.Get(id)
	if in.Run && known && asked.Ask.Terms.Allow(p) && h.record(id).Run == "" {
		h.mu.Unlock()
		return api.Answered{ID: id, Error: id + ": its processes are in no run", Hint: "approve it once, or for a time"}
	}
	var over []approvals.Verdict
	var err error
	op := "deny"
	if in.Answer == api.AnswerApprove {
		op = "approve"
		over, err = h.queue.Approve(id, p, approvals.Scope{Run: in.Run, For: in.For, Pattern: in.Pattern}, in.Text, h.opt.Clock())
		if err == nil && len(over) == 0 {
			op = "vote"
		}
	} else {
		over, err = h.queue.Deny(id, p, in.Text, h.opt.Clock())
	}
	left, _ := h.queue.Get(id)
	record := h.record(id)
	h.mu.Unlock()

	out := api.Answered{ID: id, Agent: asked.Ask.Agent, Subject: asked.Ask.Subject}
	if err != nil {
		out.Error = err.Error()
		var no *approvals.NotAllowedError
		if errors.As(err, &no) && known {
			// Who may not answer it may not know what it is about.
			out.Agent, out.Subject = "", ""
			h.refused(record, p, id, err)
		}
		return out
	}
	if op == "vote" {
		out.Missing = asked.Ask.Terms.Missing(len(left.Votes))
		err = h.opt.Record(note(record, op, id, p, fmt.Sprintf("%d more needed", out.Missing), 0))
	} else {
		out.Calls, out.Grant = len(over), over[0].Grant
		err = h.deliver(op, over, p, in.Text)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.touch()
	if err != nil {
		h.queue.TakeBack(id, out.Grant, p)
		out.Error, out.Hint = "it could not be written to the audit log, so nothing was approved: "+err.Error(), "mend the log and reload the policies"
	}
	return out
}

// refused writes down that somebody wanted to answer who may not.
func (h *Holder) refused(record audit.Record, p approvals.Person, id string, why error) {
	if err := h.opt.Record(note(record, "refused", id, p, why.Error(), 0)); err != nil {
		h.opt.Log.Error("record of a refused answer", "request", id, "error", err)
	}
}

// deliver writes down how requests ended, and then tells the kernel: what is not in the log does not happen, and is denied.
func (h *Holder) deliver(op string, over []approvals.Verdict, p approvals.Person, text string) error {
	var errs []error
	for from := 0; from < len(over); {
		id, to := over[from].Request, from
		for to < len(over) && over[to].Request == id {
			to++
		}
		errs = append(errs, h.end(op, id, over[from:to], p, text))
		from = to
	}
	return errors.Join(errs...)
}

// end ends one request.
func (h *Holder) end(op, id string, over []approvals.Verdict, p approvals.Person, text string) error {
	h.mu.Lock()
	rec := note(h.record(id), op, id, p, text, len(over))
	h.mu.Unlock()
	if g := over[0].Grant; g != "" {
		rec.Text = strings.TrimSpace("grant " + g + " " + rec.Text)
	}
	err := h.opt.Record(rec)

	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range over {
		c := h.calls[v.Hold]
		if c == nil {
			continue
		}
		a := h.answerOf(c, v)
		if err != nil {
			a = resolver.Answer{Verdict: a.Verdict, Reason: "no-log", Text: "the answer could not be written to the audit log"}
		}
		h.reply(c, a)
	}
	var by []string
	if p.PID != 0 {
		by = names(over[0].By)
	}
	h.close(id, outcomes[op], by)
	return err
}

// record is how the log describes what a request is about. The caller holds mu.
func (h *Holder) record(id string) audit.Record {
	if v := h.views[id]; v != nil {
		return v.record
	}
	return audit.Record{}
}

// note is the record of what became of a request.
func note(about audit.Record, op, id string, p approvals.Person, text string, calls int) audit.Record {
	r := audit.Record{
		Kind: audit.KindApproval, Op: op, Ask: id, Where: "daemon", Agent: about.Agent, Run: about.Run, Rule: about.Rule, Gen: about.Gen, Pol: about.Pol,
		PID: about.PID, TID: about.TID, Start: about.Start, Cg: about.Cg,
		Path: about.Path, Argc: about.Argc, Argv: about.Argv, Proto: about.Proto, Addr: about.Addr, Port: about.Port,
		Text: text, Count: uint64(calls),
	}
	if p.PID != 0 {
		r.Actor = actor(p)
	}
	return r
}

func actor(p approvals.Person) *audit.Actor {
	return &audit.Actor{UID: p.UID, GID: p.GID, PID: p.PID, User: p.User, TTY: p.TTY}
}

// outcomes are the words of hooks for what is done with a request.
var outcomes = map[string]string{"approve": hooks.Approved, "deny": hooks.Denied, "timeout": hooks.TimedOut}

// close forgets what was shown of a request. The caller holds mu.
func (h *Holder) close(id, outcome string, by []string) {
	v := h.views[id]
	if v == nil {
		return
	}
	delete(h.views, id)
	h.touch()
	if outcome == hooks.Withdrawn {
		h.gone = append(h.gone, note(v.record, "withdraw", id, approvals.Person{}, "", 0))
		h.hurry()
	}
	if h.opt.Ended != nil {
		v.news.Outcome, v.news.By = outcome, by
		h.opt.Ended(v.news)
	}
}

func names(list []approvals.Person) (out []string) {
	for _, p := range list {
		out = append(out, p.Name())
	}
	return out
}

// words are the reasons of the log for those of the queue.
var words = map[approvals.Why]string{
	approvals.Approved: "approved", approvals.Granted: "granted", approvals.Denied: "denied", approvals.Backoff: "denied-before",
	approvals.TimedOut: "timed-out", approvals.QueueFull: "queue-full", approvals.Withdrawn: "withdrawn",
}

// answerOf turns a verdict of the queue into an answer to a call.
func (h *Holder) answerOf(c *call, v approvals.Verdict) resolver.Answer {
	a := resolver.Answer{Allow: v.Allow(), Verdict: c.ruling.Verdict, Reason: words[v.Why], Ask: v.Request, Message: v.Text, RetryAfter: v.Retry}
	if a.Message == "" {
		a.Message = c.ruling.Rule.Approval.Message
	}
	by := names(v.By)
	for _, p := range v.By {
		a.Actor = actor(p) // the last: the one with whom there were enough
	}
	switch {
	case v.Why == approvals.TimedOut:
		a.Text = "nobody answered in time"
	case v.Why == approvals.QueueFull:
		a.Text = "the agent has too many calls that wait"
	case len(by) > 0:
		a.Text = "by " + strings.Join(by, " and ")
	}
	if v.Grant != "" && v.Why == approvals.Granted {
		a.Text += ", grant " + v.Grant
	}
	return a
}
