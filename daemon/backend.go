// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/cgroup"
	"caisson/daemon/control"
	"caisson/daemon/runs"
)

// backend answers the control socket.
type backend struct{ *Daemon }

// who asks kernel and cgroup tree about a peer.
type who struct{ *Daemon }

// IdentityOf reads a task's identity.
func (w who) IdentityOf(pidfd int) (layout.Identity, bool, error) { return w.kernel.IdentityOf(pidfd) }

// Inside says whether a process is below caisson.slice.
func (w who) Inside(pid int) (bool, error) { return w.tree.Inside(pid) }

// Run starts a run of an agent in the peer's process.
func (b backend) Run(_ context.Context, p control.Peer, req api.RunRequest) (api.Run, error) {
	b.change.Lock() // nothing is withdrawn or replaced while a run starts
	defer b.change.Unlock()

	if err := b.ledger.Err(); err != nil {
		return api.Run{}, &api.Error{Status: http.StatusInternalServerError, Message: "the audit log cannot be written: " + err.Error(),
			Hint: "no agent runs without a log; mend it and reload the policies"}
	}
	a := b.agent(req.Agent)
	if a == nil || !a.enforced() {
		return api.Run{}, &api.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("no policy for agent %q", req.Agent),
			Hint: fmt.Sprintf("put one into %s (it is read at once), or see what is wrong: caisson status", b.opt.Policies)}
	}
	if err := unusedWorkspace(req, a.policy); err != nil {
		return api.Run{}, err
	}

	s, err := b.slotFor(a, p, req)
	if err != nil {
		return api.Run{}, err
	}
	l := runs.Launch{Agent: a.name, ID: a.id, Slot: s.number, Generation: s.generation, Digest: digest(s.policy)[:8]}
	id := ""
	if s.binding != nil {
		l.Text = "as " + s.binding.text()
		l.Keep = func(r cgroup.Run) error {
			id = r.ID
			return b.sit(r.ID, s)
		}
	}
	r, err := b.runs.Start(p, l)
	if err != nil {
		if s.binding != nil {
			err = errors.Join(err, b.stand(id), b.vacate(s.number))
		}
		return api.Run{}, err
	}
	return b.describe(r, s), nil
}

// describe is a run as it is shown.
func (d *Daemon) describe(r cgroup.Run, s *slot) api.Run {
	run := api.Run{Run: r.ID, Agent: r.Agent, Cgroup: r.Dir}
	if s != nil {
		run.Generation = s.generation
		if s.binding != nil {
			run.Variables = s.binding.variables()
		}
	}
	return run
}

// Reload reads the policies again.
func (b backend) Reload(_ context.Context, p control.Peer, agent string) (api.Reload, error) {
	return b.reload(agent, fmt.Sprintf("reload by user %d", p.UID))
}

// Self says who a peer is.
func (b backend) Self(p control.Peer) api.Self {
	if !p.Agent {
		return api.Self{}
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.resolver.Run(p.Identity.Run)
	s := api.Self{Run: b.runs.ID(p.Identity.Run), Allowed: counts.Allowed, Denied: counts.Denied}
	own := b.slots[p.Identity.Agent]
	if own == nil {
		return s
	}
	s.Agent = own.agent.name
	if at := b.slots[p.Identity.Slot]; at != nil && at.image != nil {
		s.Generation, s.Digest = at.generation, digest(at.policy)
	}
	return s
}
