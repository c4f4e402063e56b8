// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"caisson/daemon/api"
	"caisson/policy"
)

// agentStatus describes one agent. The caller holds mu.
func (d *Daemon) agentStatus(a *agent) api.Agent {
	counts := d.resolver.Agent(a.id)
	s := api.Agent{Agent: a.name, ID: a.id, State: api.StateDenied, Problem: a.problem,
		Allowed: counts.Allowed, Denied: counts.Denied, Observed: counts.Observed}
	if a.policy != nil {
		s.File = a.policy.File
	}
	if a.enforced() {
		d.describePolicy(a, &s)
	}
	for _, b := range a.bound {
		s.Images = append(s.Images, describeImage(b))
	}
	d.describeRuns(a, &s)
	return s
}

// describePolicy says what is in force for an agent. The caller holds mu.
func (d *Daemon) describePolicy(a *agent, s *api.Agent) {
	p, image := a.own.policy, a.own.image
	if a.sample != nil {
		p, image = a.policy, a.sample
	}
	s.State, s.Mode = api.StateEnforced, api.ModeEnforce
	if a.sample != nil {
		s.State, s.Variables = api.StatePerRun, p.Variables
	}
	if p.Mode == policy.Observe {
		s.State, s.Mode = api.StateObserved, api.ModeObserve
	}
	s.Digest, s.Generation, s.Rules = a.digest(), a.generation(), len(p.Rules)
	s.Notes = notes(image, a.own)
	if next := a.next(d.opt.Clock()); !next.IsZero() {
		s.NextChange = &next
	}
}

// next is when a rule of what is in force begins or ends next; zero: none does.
func (a *agent) next(now time.Time) time.Time {
	if a.sample != nil {
		return a.policy.NextChange(now)
	}
	return a.own.until
}

// describeImage describes what is in force for runs with the same variables. The caller holds mu.
func describeImage(s *slot) api.Image {
	i := api.Image{Slot: s.number, Generation: s.generation, Variables: s.binding.variables()}
	if s.image != nil {
		i.Notes = notes(s.image, s)
	}
	return i
}

// notes say what became of the rules when they were compiled.
func notes(image *policy.Image, s *slot) []string {
	return slices.Concat(image.Notes(), s.refused.Programs, s.refused.Trust)
}

// describeRuns lists the agent's runs, and says which are denied everything although there is a policy. The caller holds
// mu.
func (d *Daemon) describeRuns(a *agent, s *api.Agent) {
	stranded := 0
	for _, r := range d.runs.Live(a.name) {
		at := a.own
		if seat, ok := d.seats[r.ID]; ok {
			at = d.slots[seat.Slot] // nil: lost
		}
		run := d.describe(r, at)
		if a.enforced() && run.Generation == 0 {
			stranded++
		}
		s.Runs = append(s.Runs, run)
	}
	if stranded > 0 {
		s.Problem = joinText(s.Problem, fmt.Sprintf("%d runs are denied everything, because what the policy's variables "+
			"stand for is not known of them (end them and start them again)", stranded))
	}
}

// joinText joins sentences.
func joinText(a, b string) string {
	if a == "" || b == "" {
		return cmp.Or(a, b)
	}
	return a + "; " + b
}
