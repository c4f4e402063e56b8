// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"caisson/daemon/mount"
	"caisson/daemon/writers"
	"caisson/policy"
)

// hostFlags say how policies are compiled to be looked at on this host.
type hostFlags struct {
	securePath string
	variables
	hosts policy.PretendHosts
}

// addHost adds the flags.
func addHost(cmd *cobra.Command, h *hostFlags) {
	addSecurePath(cmd, &h.securePath)
	addVariables(cmd, &h.variables)
}

// bind gives the variables of a policy their values, and says which.
func (h *hostFlags) bind(u *ui, p *policy.Policy) (*policy.Policy, error) {
	if len(p.Variables) == 0 {
		return p, nil
	}
	values, err := h.values(p.Variables)
	if err != nil {
		return nil, err
	}
	for _, name := range p.Variables {
		u.note("agent %s: ${%s} is taken for %s (--%s)", p.Agent, name, values[name], strings.ToLower(name))
	}
	return p.Bind(values)
}

// bindAll gives the variables of all policies their values. Of a policy where that fails, the error is kept.
func (h *hostFlags) bindAll(u *ui, list []*policy.Policy) (good []*policy.Policy, errs []error) {
	for _, p := range list {
		bound, err := h.bind(u, p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		good = append(good, bound)
	}
	return good, errs
}

// newEnv makes an environment for one policy, with a list of what is refused while it is used.
type newEnv func() (policy.Env, *writers.Notes)

// envs is how the daemon on this host would compile these policies if they were all that there are, without asking DNS:
// what a policy says must not depend on a name server's mood, nor should looking at a policy tell anybody.
func (h *hostFlags) envs(u *ui, list []*policy.Policy) (newEnv, error) {
	dirs, err := securePath(h.securePath)
	if err != nil {
		return nil, err
	}
	plain := policy.HostEnv(dirs)
	plain.LookupHost = h.hosts.Lookup
	table, err := mount.Read()
	if err != nil {
		u.note("locations are shown as written: %s", err)
		return func() (policy.Env, *writers.Notes) { return plain, &writers.Notes{} }, nil
	}
	ground := writers.New(table, list)
	return func() (policy.Env, *writers.Notes) {
		env, notes := ground.Env(plain)
		return readable(env), notes
	}, nil
}

// readable shows a path as it is written where only root may look.
func readable(env policy.Env) policy.Env {
	locate := env.Locate
	env.Locate = func(path string) (string, string, error) {
		location, note, err := locate(path)
		if err != nil {
			return path, fmt.Sprintf("%s is shown as written: %v", path, err), nil
		}
		return location, note, nil
	}
	return env
}

// agentPolicy loads a directory and returns one agent's policy, with its variables bound, and how it is compiled. A
// directory that is only half understood gives no answer: the other half may be what is asked for, or say who may change
// symlinks.
func (h *hostFlags) agentPolicy(u *ui, dir, agent string) (*policy.Policy, policy.Env, error) {
	if err := checkAgent(agent); err != nil {
		return nil, policy.Env{}, err
	}
	set, err := policy.LoadDir(dir)
	if err != nil {
		return nil, policy.Env{}, err
	}
	if set.Policies[agent] == nil {
		return nil, policy.Env{}, noPolicy(set, agent)
	}
	list, errs := h.bindAll(u, sorted(set))
	if len(errs) > 0 {
		return nil, policy.Env{}, errs[0]
	}
	fresh, err := h.envs(u, list)
	if err != nil {
		return nil, policy.Env{}, err
	}
	env, _ := fresh()
	return list[slices.IndexFunc(list, func(p *policy.Policy) bool { return p.Agent == agent })], env, nil
}

// noPolicy says that an agent has none, and which have.
func noPolicy(set *policy.Set, agent string) error {
	return &hinted{fmt.Errorf("no policy for agent %q in %s", agent, set.Dir),
		"there are policies for " + strings.Join(slices.Sorted(maps.Keys(set.Policies)), ", ")}
}

// sorted is the policies of a set by agent.
func sorted(set *policy.Set) []*policy.Policy {
	var list []*policy.Policy
	for _, agent := range slices.Sorted(maps.Keys(set.Policies)) {
		list = append(list, set.Policies[agent])
	}
	return list
}

// located is the subject that the kernel would see: with the location that its path has on this host.
func located(env policy.Env, s policy.Subject) (policy.Subject, string, error) {
	if env.Locate == nil || s.Action == policy.Network && s.Proto != policy.ProtoUnix ||
		len(s.Names) == 1 && strings.Contains(string(s.Names[0]), "/") {
		return s, "", nil
	}
	path := "/"
	for _, name := range s.Names {
		path = filepath.Join(path, string(name))
	}
	location, note, err := env.Locate(path)
	if err != nil {
		return s, "", err
	}
	if location == "" || location == path || strings.HasPrefix(path, "/proc/self") {
		return s, "", nil
	}
	s.Names = nil
	for _, name := range pathNames(location) {
		s.Names = append(s.Names, []byte(name))
	}
	return s, note, nil
}
