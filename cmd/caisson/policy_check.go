// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// checked is what policy check found.
type checked struct {
	OK       bool          `json:"ok"`
	Policies []goodPolicy  `json:"policies"` // the valid ones, sorted by file
	Faults   []policyFault `json:"faults"`
}

// goodPolicy is a valid policy file.
type goodPolicy struct {
	File  string `json:"file"`
	Agent string `json:"agent"`
	Rules int    `json:"rules"` // its own, without the baseline's
}

// policyFault is one thing wrong with a file or a directory.
type policyFault struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	text    prose
}

func newPolicyCheck(u *ui) *cobra.Command {
	asJSON := false
	var secure string
	cmd := &cobra.Command{
		Use: "check FILE…|DIR", Short: "Check policy files",
		Long: `Check policy files, or all those of a directory, as the daemon would when it loads them: their syntax, that no agent has
two policies, and that each compiles. Faults are written to standard output as file:line:col: message.` +
			exits(meaning{exitOK, "all are valid"}, meaning{exitFailed, "at least one is not, or could not be read"}, wrongUsage),
		Example: "  caisson policy check /etc/caisson/policies",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name files or a directory, as in: caisson policy check "+defaultPolicies, "nothing to check")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			dirs, err := securePath(secure)
			if err != nil {
				return err
			}
			return checkPolicies(policy.HostEnv(dirs), args).print(u, asJSON)
		},
	}
	addSecurePath(cmd, &secure)
	addJSON(cmd, &asJSON)
	return cmd
}

// checkPolicies checks files and directories together, so that an agent with two policies is found wherever they are.
func checkPolicies(env policy.Env, args []string) *checked {
	c := &checked{Policies: []goodPolicy{}, Faults: []policyFault{}}
	first := map[string]string{}
	for _, arg := range args {
		list, err := loadPolicies(arg)
		c.faults(err)
		for _, p := range list {
			other, dup := first[p.Agent]
			if dup && other != p.File {
				c.faults(fmt.Errorf("agent %q has two policies: %s and %s (remove one of them)", p.Agent, other, p.File))
				continue
			}
			first[p.Agent] = p.File
			if _, err := policy.Compile(p, env); err != nil {
				c.faults(fmt.Errorf("%s: %w", p.File, err))
				continue
			}
			c.Policies = append(c.Policies, goodPolicy{p.File, p.Agent, len(p.Rules)})
		}
	}
	c.OK = len(c.Faults) == 0
	return c
}

// loadPolicies loads one file, or all of a directory.
func loadPolicies(path string) ([]*policy.Policy, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		p, err := policy.Load(path)
		if err != nil {
			return nil, err
		}
		return []*policy.Policy{p}, nil
	}

	set, err := policy.LoadDir(path)
	if set == nil {
		return nil, err
	}
	var list []*policy.Policy
	for _, p := range set.Policies {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *policy.Policy) int { return strings.Compare(a.File, b.File) })
	return list, err
}

// faults adds what an error says, part by part when it is joined.
func (c *checked) faults(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			c.faults(e)
		}
		return
	}

	f := policyFault{Message: err.Error(), text: prose(err.Error())}
	var at *policy.Error
	if errors.As(err, &at) {
		f.File, f.Line, f.Col, f.Message, f.Hint = at.File, at.Line, at.Col, at.Msg, at.Hint
	}
	c.Faults = append(c.Faults, f)
}

// print writes the outcome.
func (c *checked) print(u *ui, asJSON bool) error {
	if asJSON {
		if err := u.json(c); err != nil {
			return err
		}
	} else {
		for _, p := range c.Policies {
			u.printf("%s: ok, agent %s, %d rules\n", p.File, p.Agent, p.Rules)
		}
		for _, f := range c.Faults {
			u.printf("%s\n", f.text)
		}
	}
	if !c.OK {
		return silent(exitFailed)
	}
	return nil
}
