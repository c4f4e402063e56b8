// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// What can be wrong for longer than a moment, as keys of Daemon.problems.
const (
	problemLog      = "log"      // the audit log cannot be written
	problemPolicies = "policies" // files that do not load
	problemMounts   = "mounts"   // the mount table cannot be read
	problemHosts    = "hosts"    // names that cannot be resolved
	problemLost     = "events"   // events were lost
	problemRuns     = "runs"     // scopes that cannot be looked after
	problemStart    = "start"    // what was found at the start
	problemGround   = "ground"   // policies that could not be compiled again when others changed
	problemSchedule = "schedule" // images that could not be made when a rule's time began or ended
	problemWatch    = "watch"    // policy files that cannot be watched
	problemHooks    = "hooks"    // the file with the hooks
)

// setProblem stores, or with "" removes, what an operator must know.
func (d *Daemon) setProblem(key, problem string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if problem == "" {
		delete(d.problems, key)
		return
	}
	if d.problems[key] != problem {
		d.log.Error("problem", "about", key, "problem", problem)
	}
	d.problems[key] = problem
}

// remount takes note of a change of the host's mount table: every policy is compiled again, because a path may now mean
// another location, and the places of superblocks are brought up to date.
func (d *Daemon) remount() {
	d.change.Lock()
	defer d.change.Unlock()

	table, err := d.opt.Mounts()
	if err != nil {
		d.setProblem(problemMounts, err.Error()+"; what was mounted before is still taken for mounted")
		return
	}
	d.table.Store(table)
	d.survey()
	d.setProblem(problemMounts, d.recompile("the mount table has changed", func(*slot) bool { return true }))
}

// recompile compiles the policies in force in some slots again and returns what went wrong. The caller holds change.
func (d *Daemon) recompile(why string, which func(*slot) bool) string {
	var problems []string
	for _, s := range d.due(which) {
		changed, err := d.again(s, why)
		if err != nil {
			problems = append(problems, "agent "+s.agent.name+": "+err.Error())
			// What the rules of the image in force mean stays as it was; where superblocks are must still be right.
			if err := d.kernel.SetMounts(s.generation, d.table.Load().Nodes(s.image)); err != nil {
				problems = append(problems, "agent "+s.agent.name+": "+err.Error())
			}
		}
		if changed {
			d.log.Info("policy compiled again", "agent", s.agent.name, "generation", s.generation, "because", why)
		}
	}
	return strings.Join(problems, "; ")
}

// due lists the slots with an image that are meant, sorted.
func (d *Daemon) due(which func(*slot) bool) []*slot {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []*slot
	for _, s := range d.slots {
		if s.image != nil && which(s) {
			due = append(due, s)
		}
	}
	slices.SortFunc(due, func(a, b *slot) int {
		return cmp.Or(strings.Compare(a.agent.name, b.agent.name), cmp.Compare(a.number, b.number))
	})
	return due
}

// again compiles what is in force in a slot once more.
func (d *Daemon) again(s *slot, why string) (changed bool, err error) {
	n, err := d.draft(s, s.policy)
	if err != nil {
		return false, err
	}
	return d.install(n, why)
}

// resolve looks host names up again, every interval, and compiles the policies that mention one whose addresses changed.
func (d *Daemon) resolve(ctx context.Context) error {
	tick := time.NewTicker(d.opt.Resolve)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}

		changed := d.names.Refresh(ctx)
		d.change.Lock()
		failed := ""
		if len(changed) > 0 {
			d.survey()
			failed = d.recompile("addresses have changed", func(s *slot) bool {
				return slices.ContainsFunc(s.image.Hosts(), func(h string) bool { return slices.Contains(changed, h) })
			})
		}
		d.change.Unlock()
		d.setProblem(problemHosts, strings.Join(append(d.names.Problems(), nonempty(failed)...), "; "))
	}
}

func nonempty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// failClosed answers a log that cannot be written: what would not be recorded must not happen, so every agent is left
// without an image.
func (d *Daemon) failClosed(cause error) {
	d.change.Lock()
	defer d.change.Unlock()
	if d.ledger.Err() == nil {
		return // it has been opened again in the meantime
	}

	d.setProblem(problemLog, "the audit log cannot be written: "+cause.Error()+
		"; every agent is denied everything until it works again and the policies are reloaded")
	d.mu.Lock()
	all := make([]*agent, 0, len(d.agents))
	for _, a := range d.agents {
		all = append(all, a)
	}
	d.mu.Unlock()
	for _, a := range all {
		if err := d.withdraw(a, "the audit log cannot be written"); err != nil {
			d.log.Error("an agent may still act although the log has failed", "agent", a.name, "error", err)
		}
	}
}
