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
	"caisson/policy/lint"
)

// checked is what policy check found.
type checked struct {
	OK       bool          `json:"ok"`
	Policies []goodPolicy  `json:"policies"` // the valid ones, sorted by file
	Faults   []policyFault `json:"faults"`
	Lints    []policyLint  `json:"lints"`
	warnings int
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

// policyLint is one thing to look at in a valid policy.
type policyLint struct {
	lint.Finding
	Agent   string `json:"agent"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Example string `json:"example,omitempty"`
}

func newPolicyCheck(u *ui) *cobra.Command {
	var host hostFlags
	asJSON, strict := false, false
	cmd := &cobra.Command{
		Use: "check FILE…|DIR", Short: "Check policy files",
		Long: `Check policy files, or all those of a directory, as the daemon would when it loads them: their syntax, that no agent has
two policies, and that each compiles. Faults are written to standard output as file:line:col: message.

In what is valid it looks for what is probably not meant. Each finding has a code:

` + lintTable() + exits(checkExits...),
		Example: "  caisson policy check /etc/caisson/policies",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name files or a directory, as in: caisson policy check "+defaultPolicies, "nothing to check")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := checkPolicies(u, &host, args)
			if err != nil {
				return err
			}
			return c.print(u, asJSON, strict)
		},
	}
	addHost(cmd, &host)
	cmd.Flags().BoolVar(&strict, "strict", false, "fail if there is a warning")
	addJSON(cmd, &asJSON)
	return cmd
}

// lintTable lists the codes for the help text.
func lintTable() string {
	var b strings.Builder
	for _, c := range lint.Codes {
		fmt.Fprintf(&b, "  %s  %-12s  %-7s  %s\n", c.ID, c.Name, c.Severity, c.Short)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// checkPolicies checks files and directories together, so that an agent with two policies is found wherever they are.
func checkPolicies(u *ui, host *hostFlags, args []string) (*checked, error) {
	c := &checked{Policies: []goodPolicy{}, Faults: []policyFault{}, Lints: []policyLint{}}
	var all []*policy.Policy
	first := map[string]string{}
	for _, arg := range args {
		list, err := loadPolicies(arg)
		c.faults(err)
		for _, p := range list {
			other, dup := first[p.Agent]
			switch {
			case dup && other != p.File:
				c.faults(fmt.Errorf("agent %q has two policies: %s and %s (remove one of them)", p.Agent, other, p.File))
			case !dup:
				first[p.Agent] = p.File
				all = append(all, p)
			}
		}
	}

	good, errs := host.bindAll(u, all)
	c.faults(errors.Join(errs...))
	fresh, err := host.envs(u, good)
	if err != nil {
		return nil, err
	}
	for _, p := range good {
		env, _ := fresh()
		found, err := lint.Policy(p, env, lintHost)
		if err != nil {
			c.faults(fmt.Errorf("%s: %w", p.File, err))
			continue
		}
		c.Policies = append(c.Policies, goodPolicy{p.File, p.Agent, len(p.Rules)})
		c.lints(p.Agent, found, &host.hosts)
	}
	c.OK = len(c.Faults) == 0
	return c, nil
}

// lintHost is this machine as lints see it.
var lintHost = lint.Host{
	Exists: func(path string) (there, known bool) {
		_, err := os.Lstat(path)
		return err == nil, err == nil || errors.Is(err, os.ErrNotExist)
	},
	Head: func(path string) string {
		f, err := os.Open(path)
		if err != nil {
			return ""
		}
		defer f.Close()
		head := make([]byte, 256)
		n, _ := f.Read(head)
		return string(head[:n])
	},
}

// lints adds what was found in one policy.
func (c *checked) lints(agent string, found []lint.Finding, hosts *policy.PretendHosts) {
	for _, f := range found {
		l := policyLint{Finding: f, Agent: agent, Line: f.Pos.Line, Col: f.Pos.Col}
		if f.Example != nil {
			l.Example = policy.SubjectText(*f.Example, hosts)
		}
		if f.Severity == lint.Warning {
			c.warnings++
		}
		c.Lints = append(c.Lints, l)
	}
}

// text is the finding, with what to do about a warning.
func (l *policyLint) text() string {
	if l.Severity == lint.Note {
		return l.Message
	}
	return l.Message + " (" + l.Remedy + ")"
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
	list := sorted(set)
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
func (c *checked) print(u *ui, asJSON, strict bool) error {
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
		for _, l := range c.Lints {
			u.printf("%s:%d:%d: %s: %s: %s [%s]\n", l.File, l.Line, l.Col, l.Severity, l.Rule, prose(l.text()), l.Code)
		}
	}
	if !c.OK || strict && c.warnings > 0 {
		return silent(exitFailed)
	}
	return nil
}
