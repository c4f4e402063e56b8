// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// variables are what a run would be given: the values of ${HOME} and ${WORKSPACE}.
type variables struct{ home, workspace string }

// addVariables adds the flags for the variables of a run.
func addVariables(cmd *cobra.Command, v *variables) {
	cmd.Flags().StringVar(&v.home, "home", "", "`DIR` that ${HOME} stands for (default: this user's)")
	cmd.Flags().StringVar(&v.workspace, "workspace", "", "`DIR` that ${WORKSPACE} stands for (default: the current directory)")
	must(cmd.MarkFlagDirname("home"))
	must(cmd.MarkFlagDirname("workspace"))
}

// values are what the named variables stand for.
func (v *variables) values(names []string) (map[string]string, error) {
	values := map[string]string{}
	for _, one := range []struct {
		name, value string
		otherwise   func() (string, error)
	}{{"HOME", v.home, os.UserHomeDir}, {"WORKSPACE", v.workspace, os.Getwd}} {
		if !slices.Contains(names, one.name) {
			continue
		}
		value, err := one.value, error(nil)
		if value == "" {
			value, err = one.otherwise()
		}
		if err == nil {
			value, err = filepath.Abs(value)
		}
		if err != nil {
			return nil, fmt.Errorf("value of ${%s}: %w", one.name, err)
		}
		values[one.name] = value
	}
	return values, nil
}

// bind gives a policy's variables their values; nothing is asked for that the policy does not use.
func (v *variables) bind(p *policy.Policy) (*policy.Policy, error) {
	if p == nil || len(p.Variables) == 0 {
		return p, nil
	}
	values, err := v.values(p.Variables)
	if err != nil {
		return nil, err
	}
	return p.Bind(values)
}
