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
		Policies: d.opt.Policies, Watching: true, Problems: []string{}, Agents: []api.Agent{},
	}
	var problems []string
	s.Events, problems = d.eventStatus()
	s.Problems = append(s.Problems, problems...)
	s.Problems = append(s.Problems, d.hooks.Problems()...)
	s.Audit = d.auditStatus() // after the events: what is no longer pending there is queued here, or on disk

	d.mu.Lock()
	defer d.mu.Unlock()
	_, unwatched := d.problems[problemWatch]
	s.Watching = !unwatched
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

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return strings.TrimSpace(unix.ByteSliceToString(u.Release[:]))
}
