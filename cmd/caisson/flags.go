// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/policy"
)

// Where things are unless told otherwise. Keep in sync with daemon/options.go, which is not imported because it would bring
// the whole daemon along.
const (
	defaultPolicies = "/etc/caisson/policies"
	defaultAudit    = "/var/lib/caisson/audit"
)

// once is a flag that may be given only once: of two subjects one would be judged and the other forgotten.
type once struct {
	value string
	given bool
}

func (o *once) String() string { return o.value }
func (o *once) Type() string   { return "string" }

func (o *once) Set(s string) error {
	if o.given {
		return errors.New("it was given twice")
	}
	o.value, o.given = s, true
	return nil
}

// addOnce adds a [once] flag; meta names its value in the help text.
func addOnce(cmd *cobra.Command, o *once, name, meta, text string) {
	cmd.Flags().Var(o, name, "`"+meta+"` "+text)
}

func addPolicies(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "policies", defaultPolicies, "`DIR` with the policy files")
	must(cmd.MarkFlagDirname("policies"))
}

func addSocket(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "socket", api.DefaultSocket, "`PATH` of the daemon's control socket")
}

func addJSON(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "write JSON")
}

// addAgent adds the flag for an agent's name, completed from the policies.
func addAgent(cmd *cobra.Command, o *once, text string) {
	addOnce(cmd, o, "agent", "NAME", text)
	must(cmd.RegisterFlagCompletionFunc("agent", completeAgents))
}

// addSecurePath adds the flag for the directories of programs.
func addSecurePath(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "secure-path", strings.Join(policy.DefaultSecurePath, ":"),
		"`LIST` of the directories where a program without a path is looked up")
}

// securePath splits the value of --secure-path.
func securePath(list string) ([]string, error) {
	dirs := strings.Split(list, ":")
	for _, dir := range dirs {
		if !strings.HasPrefix(dir, "/") {
			return nil, usage("write absolute directories with colons between them", "--secure-path: %q is not absolute", dir)
		}
	}
	return dirs, nil
}

// must ends the program when a flag that was just defined is not there, which no command line can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
