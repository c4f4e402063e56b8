// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/policy"
)

// reload reads the policies again and brings what is in force in line with them: all of them, or one agent's. Each agent
// is dealt with for itself. The log says why.
func (d *Daemon) reload(only, why string) (api.Reload, error) {
	d.change.Lock()
	defer d.change.Unlock()

	if d.ledger.Err() != nil {
		if err := d.ledger.Reopen(); err != nil {
			return api.Reload{}, &api.Error{Status: 500, Message: err.Error(),
				Hint: "every agent is denied everything until the log can be written; mend it and reload"}
		}
		d.setProblem(problemLog, "")
		only = "" // whatever was withdrawn when the log failed comes back
	}

	set, loadErr := policy.LoadDir(d.opt.Policies)
	if set == nil {
		set = &policy.Set{}
	}
	d.onDisk = slices.Collect(maps.Values(set.Policies))
	d.noteFiles(set)
	d.survey()
	var out api.Reload
	for _, name := range d.concerned(set, only) {
		out.Agents = append(out.Agents, d.reloadAgent(name, set, loadErr, why))
	}
	if only == "" || len(out.Agents) == 0 {
		out.Agents = append(out.Agents, d.unattributed(loadErr, out.Agents, why)...)
	}

	if only == "" {
		d.setProblem(problemSchedule, "") // whatever was withdrawn has been tried again
	}
	d.align()
	d.names.Keep(d.hosts())
	d.setProblem(problemHosts, strings.Join(d.names.Problems(), "; "))
	d.setProblem(problemPolicies, text(loadErr))
	if only != "" && !slices.ContainsFunc(out.Agents, func(r api.Reloaded) bool { return r.Agent == only }) {
		if d.agent(only) != nil {
			// Its file had gone before, and who asks for this may only now have removed it.
			out.Agents = append(out.Agents, api.Reloaded{Agent: only, Removed: true})
			return out, nil
		}
		return out, &api.Error{Status: 404, Message: fmt.Sprintf("no policy for agent %q in %s", only, d.opt.Policies)}
	}
	return out, nil
}

// concerned lists the agents that have a policy now, or had one, sorted.
func (d *Daemon) concerned(set *policy.Set, only string) []string {
	names := map[string]bool{}
	for name := range set.Policies {
		names[name] = true
	}
	d.mu.Lock()
	for name, a := range d.agents {
		if a.policy != nil {
			names[name] = true
		}
	}
	d.mu.Unlock()

	maps.DeleteFunc(names, func(name string, _ bool) bool { return only != "" && name != only })
	return slices.Sorted(maps.Keys(names))
}

// reloadAgent brings one agent in line with the files.
func (d *Daemon) reloadAgent(name string, set *policy.Set, loadErr error, why string) api.Reloaded {
	a, err := d.know(name)
	if err != nil {
		return api.Reloaded{Agent: name, Error: err.Error()}
	}

	r := api.Reloaded{Agent: name}
	p := set.Policies[name]
	switch {
	case p != nil:
		r.File = p.File
		r.Changed, err = d.enforce(a, p, why)
	case d.gone(a, set):
		r.File, r.Removed, r.Changed = a.policy.File, true, a.enforced()
		if err = d.withdraw(a, "the policy file has been removed"); err == nil {
			d.forget(a)
		}
	default:
		r.File = a.policy.File
		err = about(loadErr, a.policy.File)
		if !a.enforced() {
			// It was withdrawn for another reason, and the policy that did load is still known.
			var again error
			r.Changed, again = d.enforce(a, a.policy, why)
			err = errors.Join(err, again)
		}
	}

	r.Error, r.Generation, r.Digest = text(err), a.generation(), a.digest()
	d.complain(a, r, why)
	return r
}

// forget lets go of a policy that has been taken away.
func (d *Daemon) forget(a *agent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a.policy = nil
	for _, s := range a.slots() {
		s.policy = nil
	}
}

// complain says aloud, once, that the file on disk is not what is in force, and that it is again.
func (d *Daemon) complain(a *agent, r api.Reloaded, why string) {
	if !d.trouble(a, r.Error) {
		return
	}
	if r.Error == "" {
		d.log.Info("policy loads again", "agent", a.name, "generation", r.Generation)
		return
	}
	d.refused(a.name, r.Generation, r.Digest, r.Error, why)
}

// refused writes down that a file was not taken. Nothing changes by it, but somebody believes that something did.
func (d *Daemon) refused(agent string, generation uint32, digest, problem, why string) {
	d.log.Error("policy not loaded", "agent", agent, "error", problem, "because", why)
	err := d.ledger.Append(audit.Record{
		Kind: audit.KindPolicyRefused, Agent: agent, Where: "daemon", Gen: uint64(generation), Pol: digest[:min(8, len(digest))],
		Text: problem + "; what was in force stays in force; " + why,
	})
	if err != nil {
		d.log.Error("record of a policy that was not loaded", "agent", agent, "error", err)
	}
}

// gone says whether an agent's policy has been taken away, and not only been made unreadable: its file is no longer
// there, or is now another agent's.
func (d *Daemon) gone(a *agent, set *policy.Set) bool {
	if _, err := os.Lstat(a.policy.File); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	for _, p := range set.Policies {
		if p.File == a.policy.File {
			return true
		}
	}
	return false
}

// about picks from what went wrong what concerns a file; all of it when nothing names the file.
func about(err error, file string) error {
	var own []error
	for _, e := range leaves(err) {
		if strings.Contains(e.Error(), file) {
			own = append(own, e)
		}
	}
	if own == nil {
		return cmp.Or(err, fmt.Errorf("%s no longer holds the policy", file))
	}
	return errors.Join(own...)
}

// unattributed reports what went wrong with files that are in no agent's force.
func (d *Daemon) unattributed(err error, done []api.Reloaded, why string) []api.Reloaded {
	var out []api.Reloaded
	said := map[string]bool{}
	for _, e := range leaves(err) {
		if slices.ContainsFunc(done, func(r api.Reloaded) bool { return strings.Contains(r.Error, e.Error()) }) {
			continue
		}
		r := api.Reloaded{Error: e.Error()}
		var known *policy.Error
		if errors.As(e, &known) {
			r.File = known.File
		}
		if !d.strays[r.Error] {
			d.refused("", 0, "", r.Error, why)
		}
		said[r.Error] = true
		out = append(out, r)
	}
	d.strays = said
	return out
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, leaves(e)...)
		}
		return out
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// hosts lists the host names that rules in force mention.
func (d *Daemon) hosts() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, s := range d.slots {
		if s.image != nil {
			out = append(out, s.image.Hosts()...)
		}
	}
	for _, a := range d.agents {
		if a.sample != nil {
			out = append(out, a.sample.Hosts()...)
		}
	}
	return out
}

// text is an error's text, "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
