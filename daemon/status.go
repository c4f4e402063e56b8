// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
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
	var problems []string
	s.Events, problems = d.eventStatus()
	s.Problems = append(s.Problems, problems...)
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

// eventStatus adds up the counters of all CPUs, and says what is wrong with them.
func (d *Daemon) eventStatus() (e api.Events, problems []string) {
	stats := d.resolver.Stats()
	e = api.Events{Received: stats.Received, Disagreements: stats.Disagreements, Unchecked: stats.Unchecked, Missing: d.missing.Load()}
	if e.Disagreements > 0 {
		problems = append(problems, "kernel and user space decided events differently: this is a bug of caisson (see the disagreement records)")
	}
	if e.Unchecked > 0 {
		problems = append(problems, fmt.Sprintf("%d events were not decided again, and the log does not name their rules: "+
			"they were decided by policies that are not known any more (records with the text \"unchecked\")", e.Unchecked))
	}
	counters, err := d.kernel.Counters()
	if err != nil {
		return e, append(problems, "the kernel's counters cannot be read: "+err.Error())
	}
	d.seqMu.Lock()
	defer d.seqMu.Unlock()
	for cpu, c := range counters {
		e.Pending += d.sequence.Pending(uint32(cpu), c.Seen)
		e.Seen += c.Seen
		e.Submitted += c.Submitted
		e.Lost += c.Lost
	}
	return e, problems
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
