// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"net/http"

	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/control"
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
func (b backend) Run(_ context.Context, p control.Peer, name string) (api.Run, error) {
	b.change.Lock() // nothing is withdrawn or replaced while a run starts
	defer b.change.Unlock()

	if err := b.ledger.Err(); err != nil {
		return api.Run{}, &api.Error{Status: http.StatusInternalServerError, Message: "the audit log cannot be written: " + err.Error(),
			Hint: "no agent runs without a log; mend it and reload the policies"}
	}
	a := b.agent(name)
	if a == nil || a.image == nil {
		return api.Run{}, &api.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("no policy for agent %q", name),
			Hint: fmt.Sprintf("put one into %s and run: caisson reload", b.opt.Policies)}
	}

	r, err := b.runs.Start(p, name, a.id, uint64(a.generation), a.digest()[:8])
	if err != nil {
		return api.Run{}, err
	}
	return api.Run{Run: r.ID, Agent: name, Cgroup: r.Dir, Generation: a.generation}, nil
}

// Reload reads the policies again.
func (b backend) Reload(_ context.Context, _ control.Peer, agent string) (api.Reload, error) {
	return b.reload(agent)
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
	if a := b.byID[p.Identity.Agent]; a != nil {
		s.Agent, s.Generation, s.Digest = a.name, a.generation, a.digest()
	}
	return s
}
