// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"slices"

	"caisson/daemon/writers"
	"caisson/policy"
)

// survey finds out what agents may change, by the policies that are in force and by those on disk, and which shells and
// directories of interpreters are trusted. It must come before policies are compiled, after the files or the mount table
// have been read, or when a run brings new values of variables. The caller holds change.
func (d *Daemon) survey() {
	var policies []*policy.Policy
	for _, p := range d.onDisk {
		policies = append(policies, d.bindings(p)...)
	}
	d.mu.Lock()
	for _, s := range d.slots { // of a policy that is on disk, what it says for this slot is in the list
		if s.policy != nil && !slices.ContainsFunc(policies, func(p *policy.Policy) bool { return same(p, s.policy) }) {
			policies = append(policies, s.policy)
		}
	}
	d.mu.Unlock()
	d.ground = writers.New(d.table.Load(), policies)
	d.trusted = policy.Env{
		SecurePath: d.opt.SecurePath,
		Shells:     policy.FindShells(d.opt.SecurePath, d.opt.Shells),
		Trusted:    policy.TrustedDirs(d.opt.SecurePath),
		LookupHost: d.names.Addresses,
	}
}

// bindings is what a policy says for each run that has values for its variables. Without variables it says one thing.
func (d *Daemon) bindings(p *policy.Policy) []*policy.Policy {
	if len(p.Variables) == 0 {
		return []*policy.Policy{p}
	}
	a := d.agent(p.Agent)
	if a == nil {
		return nil
	}
	var out []*policy.Policy
	for _, s := range a.bound {
		// One that cannot be bound will not be in force.
		if q, err := s.binding.bind(p); err == nil {
			out = append(out, q)
		}
	}
	return out
}

// same says whether two policies are the same file's, with the same content.
func same(p, q *policy.Policy) bool {
	return p.Agent == q.Agent && p.File == q.File && p.Digest == q.Digest
}

// env is how the words of rules become locations and addresses now, and a list of what is refused on the way. The shells
// and the directories of interpreters are those of the survey: finding them costs as much as compiling a small policy, and
// every policy wants the same. The caller holds change and has surveyed.
func (d *Daemon) env() (policy.Env, *writers.Notes) {
	env := d.trusted
	env.Now = d.opt.Clock()
	return d.ground.Env(env)
}

// refuse keeps for the status what was refused while an image was compiled, and says aloud what is new: somebody
// may have tried something.
func (d *Daemon) refuse(s *slot, notes *writers.Notes) {
	for _, link := range notes.Links {
		if !slices.Contains(s.refused.Links, link) {
			d.log.Warn("a rule names a symlink that an agent may change: not followed", "agent", s.agent.name, "symlink", link)
		}
	}
	for _, program := range notes.Programs {
		if !slices.Contains(s.refused.Programs, program) {
			d.log.Warn("a program that an agent may change is not found by its name", "agent", s.agent.name, "note", program)
		}
	}
	for _, path := range notes.Trust {
		if !slices.Contains(s.refused.Trust, path) {
			d.log.Warn("a shell or a directory of interpreters is not trusted", "note", path)
		}
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	s.refused = *notes
}

// align compiles again what is in force and was compiled when agents could change other things than now: one agent's new
// rule can make another agent's symlink unfit. The caller holds change.
func (d *Daemon) align() {
	d.survey()
	d.setProblem(problemGround, d.recompile("what agents may change has changed", func(s *slot) bool { return s.surveyed != d.ground.Fingerprint() }))
}
