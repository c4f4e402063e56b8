// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"caisson/daemon/mount"
	"caisson/daemon/writers"
	"caisson/policy"
)

// shownPolicy is a policy as it is compiled on this host.
type shownPolicy struct {
	Agent  string      `json:"agent"`
	File   string      `json:"file"`
	Digest string      `json:"digest"` // SHA-256 of the file, hex
	Rules  []shownRule `json:"rules"`  // in the order in which they are tried, the baseline's last
	Hosts  []string    `json:"hosts"`  // names whose addresses the daemon looks up
	Notes  []string    `json:"notes"`  // what became of rules on this host
}

func newPolicyShow(u *ui) *cobra.Command {
	var agent once
	var dir, secure string
	asJSON := false
	cmd := &cobra.Command{
		Use: "show", Short: "Show the rules of policies as they are compiled on this host",
		Long: `Show the rules of policies as they are compiled on this host: an agent's own rules, then the baseline, in the order in which
they are tried; with the location that each path means here (symlinks and bind mounts followed, but no symlink that an agent
of the directory may change), the program that each
command means, and notes about rules that cannot match now or that need a decision in user space.` + exits(failed, wrongUsage),
		Example: "  caisson policy show --agent coding-agent",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dirs, err := securePath(secure)
			if err != nil {
				return err
			}
			if agent.given {
				if err := checkAgent(agent.value); err != nil {
					return err
				}
			}
			return showPolicies(u, dir, agent.value, hostEnvs(u, dirs), asJSON)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addAgent(cmd, &agent, "of the only agent to show")
	addPolicies(cmd, &dir)
	addSecurePath(cmd, &secure)
	addJSON(cmd, &asJSON)
	return cmd
}

// showPolicies prints the policies that are valid, all or one agent's, and returns what is wrong with the others.
func showPolicies(u *ui, dir, agent string, envs func(*policy.Set) newEnv, asJSON bool) error {
	set, loadErr := policy.LoadDir(dir)
	if set == nil {
		return loadErr
	}
	names := slices.Sorted(maps.Keys(set.Policies))
	if agent != "" {
		if set.Policies[agent] == nil && loadErr != nil {
			return loadErr // its file may be one of those
		}
		if set.Policies[agent] == nil {
			return &hinted{fmt.Errorf("no policy for agent %q in %s", agent, dir), "there are policies for " + strings.Join(names, ", ")}
		}
		names = []string{agent}
	}

	shown := []shownPolicy{}
	fresh := envs(set)
	for _, name := range names {
		s, err := showPolicy(set.Policies[name], fresh)
		if err != nil {
			return err
		}
		shown = append(shown, s)
	}
	if asJSON {
		if err := u.json(shown); err != nil {
			return err
		}
		return loadErr
	}
	for i := range shown {
		if i > 0 {
			u.text("\n")
		}
		shown[i].print(u)
	}
	return loadErr
}

// showPolicy compiles a policy and gathers what became of it.
func showPolicy(p *policy.Policy, fresh newEnv) (shownPolicy, error) {
	env, refused := fresh()
	image, err := policy.Compile(p, env)
	if err != nil {
		return shownPolicy{}, err
	}

	s := shownPolicy{Agent: p.Agent, File: p.File, Digest: hex.EncodeToString(p.Digest[:]),
		Hosts: image.Hosts(), Notes: append(image.Notes(), refused.Programs...), Rules: []shownRule{}}
	later := deferring(image)
	for i, r := range image.Rules() {
		rule := showRule(i, r, env)
		if rule.Deferred = later[i]; rule.Deferred {
			s.Notes = append(s.Notes, fmt.Sprintf("rule %q: %s: what it may match is denied", r.Name, policy.DeferText))
		}
		if r.Effect == policy.RequireApproval {
			s.Notes = append(s.Notes, fmt.Sprintf("rule %q: %s: what it matches is denied", r.Name, policy.ApprovalText))
		}
		s.Rules = append(s.Rules, rule)
	}
	if s.Hosts == nil {
		s.Hosts = []string{}
	}
	if s.Notes == nil {
		s.Notes = []string{}
	}
	return s, nil
}

// print writes one policy for people.
func (s *shownPolicy) print(u *ui) {
	u.printf("agent %s\nfile %s\ndigest %s\n", s.Agent, s.File, s.Digest)
	t := u.table("#", "RULE", "ACTION", "EFFECT", "CONDITION", "HERE")
	for _, r := range s.Rules {
		t.row(r.Number, r.Name, r.Action, tint(r.Effect.String()), r.condition(), strings.Join(r.Here, " and "))
	}
	t.flush()
	if len(s.Hosts) > 0 {
		u.printf("hosts, looked up by the daemon: %s\n", strings.Join(s.Hosts, ", "))
	}
	for _, n := range s.Notes {
		u.printf("note: %s\n", prose(n))
	}
}

// newEnv makes an environment for one policy, with a list of what is refused while it is used.
type newEnv func() (policy.Env, *writers.Notes)

// hostEnvs is how the daemon on this host would compile these policies if they were all that there are, without asking
// DNS: what a policy says must not depend on a name server's mood, nor should looking at a policy tell anybody.
func hostEnvs(u *ui, dirs []string) func(*policy.Set) newEnv {
	plain := policy.HostEnv(dirs)
	plain.LookupHost = pretendAddress
	table, err := mount.Read()
	return func(set *policy.Set) newEnv {
		if err != nil {
			u.note("locations are shown as written: %s", err)
			return func() (policy.Env, *writers.Notes) { return plain, &writers.Notes{} }
		}
		ground := writers.New(table, slices.Collect(maps.Values(set.Policies)))
		return func() (policy.Env, *writers.Notes) {
			env, notes := ground.Env(plain)
			return readable(env), notes
		}
	}
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
