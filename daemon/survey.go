// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"slices"

	"caisson/daemon/writers"
	"caisson/policy"
)

// survey finds out what agents may change, by the policies that are in force and by those on disk. It must come before
// policies are compiled, after the files or the mount table have been read. The caller holds change.
func (d *Daemon) survey() {
	policies := slices.Clone(d.onDisk)
	d.mu.Lock()
	for _, a := range d.agents {
		if a.policy != nil && !slices.ContainsFunc(policies, func(p *policy.Policy) bool { return same(p, a.policy) }) {
			policies = append(policies, a.policy)
		}
	}
	d.mu.Unlock()
	d.ground = writers.New(d.table.Load(), policies)
}

// same says whether two policies are the same file's, with the same content.
func same(p, q *policy.Policy) bool {
	return p.Agent == q.Agent && p.File == q.File && p.Digest == q.Digest
}

// env is how the words of rules become locations and addresses now, and a list of what is refused on the way.
func (d *Daemon) env() (policy.Env, *writers.Notes) {
	env := policy.HostEnv(d.opt.SecurePath)
	env.LookupHost = d.names.Addresses
	return d.ground.Env(env)
}

// refuse keeps for the status what was refused while an agent's policy was compiled, and says aloud what is new: somebody
// may have tried something.
func (d *Daemon) refuse(a *agent, notes *writers.Notes) {
	for _, link := range notes.Links {
		if !slices.Contains(a.refused.Links, link) {
			d.log.Warn("a rule names a symlink that an agent may change: not followed", "agent", a.name, "symlink", link)
		}
	}
	for _, program := range notes.Programs {
		if !slices.Contains(a.refused.Programs, program) {
			d.log.Warn("a program that an agent may change is not found by its name", "agent", a.name, "note", program)
		}
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	a.refused = *notes
}

// align compiles again what is in force and was compiled when agents could change other things than now: one agent's new
// rule can make another agent's symlink unfit. The caller holds change.
func (d *Daemon) align() {
	d.survey()
	d.setProblem(problemGround, d.recompile(func(a *agent) bool { return a.surveyed != d.ground.Fingerprint() }))
}
