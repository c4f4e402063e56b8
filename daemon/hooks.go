// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"io/fs"

	"caisson/daemon/holds"
	"caisson/daemon/hooks"
)

// announce tells the hooks of a request.
func (d *Daemon) announce(event string, n holds.News) {
	out := hooks.Notice{
		Event: event, ID: n.ID, Agent: n.Agent, Run: n.Run, Rule: n.Rule, Message: n.Message, Action: n.Action, Op: n.Op, Subject: n.Redacted,
		Since: n.Since, Deadline: n.Deadline, Approvers: n.Approvers, Quorum: n.Quorum, Outcome: n.Outcome, By: n.By,
	}
	if event == hooks.EventRequest {
		out.Commands = &hooks.Commands{Show: "caisson approvals show " + n.ID, Approve: "caisson approve " + n.ID, Deny: "caisson deny " + n.ID}
	}
	d.hooks.Notify(out)
}

// openHooks reads who is told of requests for approval. Enforcement must not wait for somebody to mend that file: with a
// fault in it nobody is told, so that requests are denied at their deadlines, and status says why.
func (d *Daemon) openHooks() *hooks.Sender {
	list, err := hooks.Load(d.opt.Hooks)
	if errors.Is(err, fs.ErrNotExist) && d.opt.Hooks == DefaultHooks {
		err = nil // nobody has asked for hooks
	}
	var s *hooks.Sender
	if err == nil {
		s, err = hooks.New(hooks.Options{Hooks: list, Log: d.log})
	}
	if err != nil {
		d.setProblem(problemHooks, "nobody outside is told of requests for approval, until this is mended and the daemon is started again: "+err.Error())
		s, _ = hooks.New(hooks.Options{Log: d.log}) // cannot fail: there is nothing in it
	}
	return s
}
