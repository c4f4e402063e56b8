// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newReload(u *ui) *cobra.Command {
	var socket, policies string
	asJSON := false
	cmd := &cobra.Command{
		Use: "reload [AGENT]", Short: "Make the daemon read the policies again",
		Long: `Make the daemon read the policies again, all of them or one agent's. Each agent gets its new policy as a whole or keeps the
one that is in force; other agents are not touched. It is for root.` +
			exits(meaning{exitOK, "every policy that was read is in force"},
				meaning{exitFailed, "at least one is not, or the daemon could not be asked"}, wrongUsage),
		Example: "  sudo caisson reload coding-agent",
		Args:    atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			agent := ""
			if len(args) == 1 {
				agent = args[0]
				if err := checkAgent(agent); err != nil {
					return err
				}
			}
			r, err := client.New(socket).Reload(cmd.Context(), agent)
			if err != nil {
				return err
			}
			return printReload(u, r, asJSON)
		},
		ValidArgsFunction: completeAgent,
	}
	addSocket(cmd, &socket)
	addPolicies(cmd, &policies)
	cmd.Flags().Lookup("policies").Usage = "`DIR` with the policy files, to complete names of agents from"
	addJSON(cmd, &asJSON)
	return cmd
}

// printReload says what became of each agent. An error of one is an error of the command.
func printReload(u *ui, r api.Reload, asJSON bool) error {
	if asJSON {
		if err := u.json(r); err != nil {
			return err
		}
	} else {
		t := u.table("AGENT", "OUTCOME", "GENERATION", "DIGEST", "FILE")
		for _, a := range r.Agents {
			t.row(a.Agent, tint(outcome(a)), a.Generation, short(a.Digest), a.File)
		}
		t.flush()
	}

	status := exitOK
	for _, a := range r.Agents {
		if a.Error == "" {
			continue
		}
		status = exitFailed
		if !asJSON {
			u.printf("error: %s\n", prose(a.Error))
		}
	}
	return silent(status)
}

// outcome is what a reload did to one agent, in one word.
func outcome(a api.Reloaded) string {
	switch {
	case a.Error != "" && (a.Generation != 0 || a.Digest != ""): // a policy with variables has a digest and, without runs, no image
		return "kept"
	case a.Error != "":
		return "refused"
	case a.Removed:
		return "removed"
	case a.Changed:
		return "changed"
	}
	return "unchanged"
}
