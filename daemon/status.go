// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"caisson/daemon/api"
)

// Status describes the daemon and every agent.
func (b backend) Status() api.Status { return b.Daemon.status() }

func (d *Daemon) status() api.Status {
	s := api.Status{
		Version: d.opt.Version, PID: os.Getpid(), Started: d.started, Kernel: release(), Adopted: d.kernel.Adopted(),
		Policies: d.opt.Policies, Problems: []string{}, Agents: []api.Agent{},
	}
	problem := ""
	if s.Events, problem = d.eventStatus(); problem != "" {
		s.Problems = append(s.Problems, problem)
	}
	s.Audit = d.auditStatus() // after the events: what is no longer pending there is queued here, or on disk

	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(d.problems)) {
		s.Problems = append(s.Problems, d.problems[key])
	}
	for _, name := range slices.Sorted(maps.Keys(d.agents)) {
		s.Agents = append(s.Agents, d.agentStatus(d.agents[name]))
	}
	return s
}

func (d *Daemon) auditStatus() api.Audit {
	stats := d.ledger.Stats()
	return api.Audit{Dir: d.opt.Audit, Next: stats.NextSeq, Durable: uint64(stats.Durable + 1), Queued: stats.Queued, Error: text(d.ledger.Err())}
}

// eventStatus adds up the counters of all CPUs.
func (d *Daemon) eventStatus() (api.Events, string) {
	stats := d.resolver.Stats()
	e := api.Events{Received: stats.Received, Disagreements: stats.Disagreements, Missing: d.missing.Load()}
	counters, err := d.kernel.Counters()
	if err != nil {
		return e, "the kernel's counters cannot be read: " + err.Error()
	}
	d.seqMu.Lock()
	defer d.seqMu.Unlock()
	for cpu, c := range counters {
		e.Pending += d.sequence.Pending(uint32(cpu), c.Seen)
		e.Seen += c.Seen
		e.Submitted += c.Submitted
		e.Lost += c.Lost
	}
	if e.Disagreements > 0 {
		return e, "kernel and user space decided events differently: this is a bug of caisson (see the disagreement records)"
	}
	return e, ""
}

// agentStatus describes one agent. The caller holds mu.
func (d *Daemon) agentStatus(a *agent) api.Agent {
	counts := d.resolver.Agent(a.id)
	s := api.Agent{Agent: a.name, ID: a.id, State: api.StateDenied, Problem: a.problem, Allowed: counts.Allowed, Denied: counts.Denied}
	if a.policy != nil {
		s.File = a.policy.File
	}
	if a.image != nil {
		s.State, s.Digest, s.Generation = api.StateEnforced, a.digest(), a.generation
		s.Rules, s.Notes = len(a.policy.Rules), append(a.image.Notes(), a.refused.Programs...)
	}
	for _, r := range d.runs.Live(a.name) {
		s.Runs = append(s.Runs, api.Run{Run: r.ID, Agent: r.Agent, Cgroup: r.Dir, Generation: a.generation})
	}
	return s
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return strings.TrimSpace(unix.ByteSliceToString(u.Release[:]))
}
