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

	"caisson/daemon/api"
	"caisson/policy"
)

// reload reads the policies again and brings what is in force in line with them: all of them, or one agent's. Each agent
// is dealt with for itself.
func (d *Daemon) reload(only string) (api.Reload, error) {
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
	d.survey()
	var out api.Reload
	for _, name := range d.concerned(set, only) {
		r := d.reloadAgent(name, set, loadErr)
		if r.Error != "" {
			d.log.Error("policy not loaded", "agent", name, "error", r.Error)
		}
		out.Agents = append(out.Agents, r)
	}
	if only == "" || len(out.Agents) == 0 {
		out.Agents = append(out.Agents, d.unattributed(loadErr, out.Agents)...)
	}

	d.align()
	d.names.Keep(d.hosts())
	d.setProblem(problemHosts, strings.Join(d.names.Problems(), "; "))
	d.setProblem(problemPolicies, text(loadErr))
	if only != "" && !slices.ContainsFunc(out.Agents, func(r api.Reloaded) bool { return r.Agent == only }) {
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
func (d *Daemon) reloadAgent(name string, set *policy.Set, loadErr error) api.Reloaded {
	a, err := d.know(name)
	if err != nil {
		return api.Reloaded{Agent: name, Error: err.Error()}
	}

	r := api.Reloaded{Agent: name}
	p := set.Policies[name]
	switch {
	case p != nil:
		r.File = p.File
		r.Changed, err = d.enforce(a, p)
	case d.gone(a, set):
		r.File, r.Removed, r.Changed = a.policy.File, true, a.image != nil
		if err = d.withdraw(a, "the policy file has been removed"); err == nil {
			d.set(a, nil, nil, 0)
		}
	default:
		r.File = a.policy.File
		err = about(loadErr, a.policy.File)
		if a.image == nil {
			// It was withdrawn for another reason, and the policy that did load is still known.
			var again error
			r.Changed, again = d.enforce(a, a.policy)
			err = errors.Join(err, again)
		}
	}

	r.Error, r.Generation, r.Digest = text(err), a.generation, a.digest()
	d.trouble(a, r.Error)
	return r
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
func (d *Daemon) unattributed(err error, done []api.Reloaded) []api.Reloaded {
	var out []api.Reloaded
	for _, e := range leaves(err) {
		said := slices.ContainsFunc(done, func(r api.Reloaded) bool { return strings.Contains(r.Error, e.Error()) })
		if said {
			continue
		}
		r := api.Reloaded{Error: e.Error()}
		var known *policy.Error
		if errors.As(e, &known) {
			r.File = known.File
		}
		d.log.Error("policy not loaded", "error", r.Error)
		out = append(out, r)
	}
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
	for _, a := range d.agents {
		if a.image != nil {
			out = append(out, a.image.Hosts()...)
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
