// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"caisson/audit"
	"caisson/policy"
)

// agent is one identity and what is in force for it.
type agent struct {
	name string
	id   uint32 // the kernel's number

	policy *policy.Policy // the last that loaded; nil: none
	own    *slot          // of processes that are in no run with a binding
	bound  []*slot        // of runs that gave values to the policy's variables, by number
	sample *policy.Image  // of a policy with variables that is in force: what can be said of it without a run; else nil

	problem string // why the file on disk is not what is in force
}

// enforced says whether the agent's policy is in force: its image, or for a policy with variables those of its runs.
func (a *agent) enforced() bool { return a.own.image != nil || a.sample != nil }

// slots are all slots of the agent.
func (a *agent) slots() []*slot { return append([]*slot{a.own}, a.bound...) }

// generation is the newest that is in force for the agent; 0: none.
func (a *agent) generation() uint32 {
	newest := uint32(0)
	for _, s := range a.slots() {
		newest = max(newest, s.generation)
	}
	return newest
}

// digest is that of the policy in force, hex; "" if none is.
func (a *agent) digest() string {
	if !a.enforced() {
		return ""
	}
	if a.sample == nil {
		return digest(a.own.policy)
	}
	return digest(a.policy)
}

// digest is a policy's, hex.
func digest(p *policy.Policy) string { return hex.EncodeToString(p.Digest[:]) }

// know makes an identity known: number, slice, name. The caller holds change.
func (d *Daemon) know(name string) (*agent, error) {
	if a := d.agent(name); a != nil {
		return a, nil
	}

	id, err := d.kernel.AgentID(name)
	if err != nil {
		return nil, err
	}
	cg, err := d.tree.Agent(name)
	if err != nil {
		return nil, err
	}
	if err := d.kernel.BindSlice(cg, id); err != nil {
		return nil, err
	}
	d.resolver.Name(id, name)

	a := &agent{name: name, id: id}
	a.own = &slot{number: id, agent: a}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agents[name], d.slots[id] = a, a.own
	return a, nil
}

// agent returns a known identity, nil if there is none.
func (d *Daemon) agent(name string) *agent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.agents[name]
}

// enforce compiles a policy and puts it in force for an agent, in all its slots. All of them are compiled first: if one
// cannot be, what was in force stays in force in all. The caller holds change and has surveyed.
func (d *Daemon) enforce(a *agent, p *policy.Policy, why string) (changed bool, err error) {
	plan, err := d.plan(a, p)
	if err != nil {
		return false, err
	}

	var errs []error
	for _, n := range plan.drafts {
		other, err := d.install(n, why)
		changed = changed || other
		errs = append(errs, err)
	}
	for _, s := range plan.unfit {
		changed = changed || s.image != nil
		errs = append(errs, d.clear(s))
	}
	if err := errors.Join(errs...); err != nil {
		return changed, err
	}

	before := a.digest()
	d.mu.Lock()
	a.policy, a.sample = p, plan.sample
	d.mu.Unlock()
	if plan.sample == nil || before == digest(p) {
		return changed, nil
	}
	return true, d.ledger.Append(loadedForRuns(a, why))
}

// plan is what a policy becomes in all slots of an agent.
type plan struct {
	drafts []draft
	unfit  []*slot       // which must be left without an image
	sample *policy.Image // of a policy with variables
}

// plan compiles a policy for all slots of an agent. With variables it has no image of its own: nobody outside of a run can
// say what they are. A run that does not have what the policy wants to know is unfit.
func (d *Daemon) plan(a *agent, p *policy.Policy) (plan, error) {
	var out plan
	for _, s := range a.bound {
		if _, err := s.binding.bind(p); err != nil {
			d.log.Error("runs are denied everything under the new policy", "agent", a.name, "error", err)
			out.unfit = append(out.unfit, s)
			continue
		}
		n, err := d.draft(s, p)
		if err != nil {
			return plan{}, err
		}
		out.drafts = append(out.drafts, n)
	}

	if len(p.Variables) == 0 {
		n, err := d.draft(a.own, p)
		out.drafts = append(out.drafts, n)
		return out, err
	}
	n, err := d.draft(&slot{agent: a, binding: standIn}, p)
	if err != nil {
		return plan{}, err
	}
	d.refuse(a.own, n.refused)
	out.sample, out.unfit = n.image, append(out.unfit, a.own)
	return out, nil
}

// loadedForRuns is the record of a policy with variables that is in force now.
func loadedForRuns(a *agent, why string) audit.Record {
	return audit.Record{
		Kind: audit.KindPolicyLoad, Agent: a.name, Where: "daemon", Pol: a.digest()[:8],
		Text: fmt.Sprintf("%s, %d rules, for each run with its own %s; outside of a run everything is denied; %s",
			a.policy.File, len(a.policy.Rules), strings.Join(a.policy.Variables, " and "), why),
	}
}

// withdraw leaves an agent without an image: it is denied everything, in all its slots. The caller holds change.
func (d *Daemon) withdraw(a *agent, why string) error {
	generation, had := a.generation(), a.enforced()
	var errs []error
	for _, s := range a.slots() {
		errs = append(errs, d.clear(s))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}

	d.mu.Lock()
	a.sample = nil
	d.mu.Unlock()
	if !had && !d.kernel.Adopted() {
		return nil // nothing was in force
	}
	if err := d.ledger.Append(removed(a, generation, why)); err != nil && !errors.Is(err, d.ledger.Err()) {
		return err
	}
	return nil
}

// trouble stores why an agent's file is not what is in force; "" when it is. It says whether that is news.
func (d *Daemon) trouble(a *agent, problem string) (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news = a.problem != problem
	a.problem = problem
	return news
}

// nextGeneration numbers images. The count begins with the time at which the daemon started, or with what the kernel has
// from before when that is more, so that events which are still on their way are never taken for those of a new image.
func (d *Daemon) nextGeneration() uint32 {
	d.generation++
	if d.generation == 0 {
		d.generation = 1 // 0 means that no image is in force
	}
	return d.generation
}

// without removes a slot from a list.
func without(list []*slot, s *slot) []*slot {
	return slices.DeleteFunc(slices.Clone(list), func(o *slot) bool { return o == s })
}
