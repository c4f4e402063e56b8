// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"caisson/policy"
	"caisson/policy/trial"
)

// tested is what policy test found, as JSON.
type tested struct {
	OK     bool          `json:"ok"`
	Cases  int           `json:"cases"`
	Failed int           `json:"failed"`
	Files  []testedFile  `json:"files"`
	Faults []policyFault `json:"faults"` // what could not be read
	suites []trial.Suite
}

// testedFile is one file with cases, or a policy without.
type testedFile struct {
	File  string       `json:"file"`
	Agent string       `json:"agent"`
	Cases []testedCase `json:"cases"`
}

// testedCase is one case.
type testedCase struct {
	Name    string        `json:"name"`
	Line    int           `json:"line"`
	OK      bool          `json:"ok"`
	Subject string        `json:"subject"`
	Expect  policy.Effect `json:"expect"`
	Got     policy.Effect `json:"got"`
	Rule    string        `json:"rule,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Error   string        `json:"error,omitempty"`
}

func newPolicyTest(u *ui) *cobra.Command {
	asJSON := false
	var secure, junit string
	cmd := &cobra.Command{
		Use: "test FILE…|DIR", Short: "Put the tests of policies to them",
		Long: `Put the tests of policies to them: the cases under "tests:" in a policy file, and those of files named *_test.yaml beside it.
Of a directory, all. Every case that fails is one line: what was asked, what was expected, what came, and the rule that
decided. It needs neither the daemon nor root, and starts nothing. A policy without tests is noted; when there is not a
single case, nothing was shown, and that is a failure.` + exits(meaning{exitOK, "all cases have passed, and there is at least one"},
			meaning{exitFailed, "a case has failed, a file could not be read, or there is no case"}, wrongUsage),
		Example: "  caisson policy test --junit results.xml /etc/caisson/policies",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name files or a directory, as in: caisson policy test "+defaultPolicies, "nothing to test")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			dirs, err := securePath(secure)
			if err != nil {
				return err
			}
			t := &tested{Files: []testedFile{}, Faults: []policyFault{}}
			for _, arg := range args {
				t.path(u, arg, policy.HostEnv(dirs))
			}
			if junit != "" {
				if err := t.writeJUnit(junit); err != nil {
					return err
				}
			}
			return t.print(u, asJSON)
		},
	}
	addSecurePath(cmd, &secure)
	cmd.Flags().StringVar(&junit, "junit", "", "`FILE` to write the results to, as JUnit XML")
	addJSON(cmd, &asJSON)
	return cmd
}

// path tests a file or a directory.
func (t *tested) path(u *ui, path string, env policy.Env) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		t.directory(u, path, env)
	case policy.IsCases(path):
		t.casesFile(path, env)
	default:
		p, err := policy.Load(path)
		if err != nil {
			t.fault(err)
			return
		}
		t.policy(u, p, env)
	}
}

// directory tests every policy of a directory, and every file of cases.
func (t *tested) directory(u *ui, dir string, env policy.Env) {
	list, err := loadPolicies(dir)
	t.fault(err)
	files, err := policy.CaseFiles(dir)
	t.fault(err)
	beside := map[string]bool{}
	for _, file := range files {
		if p := t.casesFile(file, env); p != nil {
			beside[p.Agent] = true
		}
	}
	for _, p := range list {
		if len(p.Cases) > 0 || !beside[p.Agent] {
			t.policy(u, p, env)
		}
	}
}

// policy runs the cases that stand in the policy file itself.
func (t *tested) policy(u *ui, p *policy.Policy, env policy.Env) {
	if len(p.Cases) == 0 {
		u.note("%s: agent %s has no tests", p.File, p.Agent)
	}
	t.run(p.File, p, p.Cases, env)
}

// casesFile runs a file of cases, and returns the policy that it is about.
func (t *tested) casesFile(path string, env policy.Env) *policy.Policy {
	c, err := policy.LoadCases(path)
	if err != nil {
		t.fault(err)
		return nil
	}
	dir := filepath.Dir(path)
	if c.Policy != "" {
		p, err := policy.Load(filepath.Join(dir, c.Policy))
		if err != nil {
			t.fault(err)
			return nil
		}
		t.run(path, p, c.List, env)
		return p
	}
	set, err := policy.LoadDir(dir)
	if set == nil || set.Policies[c.Agent] == nil {
		t.fault(errors.Join(fmt.Errorf("%s: there is no policy for agent %q in %s", path, c.Agent, dir), err))
		return nil
	}
	t.run(path, set.Policies[c.Agent], c.List, env)
	return set.Policies[c.Agent]
}

// run puts cases to a policy.
func (t *tested) run(file string, p *policy.Policy, cases []policy.Case, env policy.Env) {
	f := testedFile{File: file, Agent: p.Agent, Cases: []testedCase{}}
	outcomes := trial.Run(p, cases, env)
	for _, o := range outcomes {
		t.Cases++
		if o.Failed {
			t.Failed++
		}
		c := testedCase{Name: o.Case.Name, Line: o.Case.Pos.Line, OK: !o.Failed, Subject: o.Case.Subject(), Expect: o.Case.Expect, Got: o.Got, Reason: o.Reason}
		if o.Rule != nil {
			c.Rule = o.Rule.Name
		}
		if o.Err != nil {
			c.Error = o.Err.Error()
		}
		f.Cases = append(f.Cases, c)
	}
	t.Files = append(t.Files, f)
	t.suites = append(t.suites, trial.Suite{Name: file, List: outcomes})
}

// fault notes what could not be read, once: a file may be named by several.
func (t *tested) fault(err error) {
	c := checked{}
	c.faults(err)
	for _, f := range c.Faults {
		if !slices.ContainsFunc(t.Faults, func(g policyFault) bool { return g.text == f.text }) {
			t.Faults = append(t.Faults, f)
		}
	}
}

func (t *tested) writeJUnit(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return cmp.Or(trial.WriteJUnit(f, t.suites), f.Close())
}

// print writes the outcome.
func (t *tested) print(u *ui, asJSON bool) error {
	t.OK = t.Failed == 0 && len(t.Faults) == 0 && t.Cases > 0
	if asJSON {
		if err := u.json(t); err != nil {
			return err
		}
	} else {
		for _, f := range t.Faults {
			u.printf("%s\n", f.text)
		}
		for _, s := range t.suites {
			for _, o := range s.List {
				if o.Failed {
					u.printf("%s:%d:%d: %s: %s\n", o.Case.File, o.Case.Pos.Line, o.Case.Pos.Col, o.Case.Name, prose(o.Difference()))
				}
			}
		}
		u.printf("%d cases, %d passed, %d failed\n", t.Cases, t.Cases-t.Failed, t.Failed)
	}
	switch {
	case t.OK:
		return nil
	case t.Cases == 0 && len(t.Faults) == 0:
		return &hinted{errors.New("there is no case: nothing was tested"), "write some under \"tests:\" in the policy file, or beside it in NAME_test.yaml"}
	}
	return silent(exitFailed)
}
