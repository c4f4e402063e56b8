// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newGrants(u *ui) *cobra.Command {
	var socket string
	asJSON := false
	cmd := &cobra.Command{
		Use: "grants", Short: "List the approvals that are remembered",
		Long: `List the approvals that are remembered and answer further calls, oldest first. USED is how many calls each has allowed. A grant
ends at its time, with its run, and with the policy it was given under. It is for root.` + exits(failed, wrongUsage),
		Example: "  sudo caisson grants",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noSuch(cmd, args)
			}
			list, err := client.New(socket).Grants(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return u.json(list)
			}
			printGrants(u, list.Grants, time.Now())
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	cmd.AddCommand(newGrantsRevoke(u))
	return cmd
}

// printGrants writes a table of grants. The subject, which an agent has chosen, is the last column, so that it cannot pass
// for another.
func printGrants(u *ui, list []api.Grant, now time.Time) {
	if len(list) == 0 {
		u.text("no approval is remembered\n")
		return
	}
	t := u.table("ID", "AGENT", "RUN", "RULE", "UNTIL", "BY", "USED", "SUBJECT")
	for _, g := range list {
		t.row(g.ID, g.Agent, orWords(g.Run, "every run"), g.Rule, until(g, now), userNames(g.By), g.Used, covered(g))
	}
	t.flush()
}

// covered is what a grant is about.
func covered(g api.Grant) string { return orWords(g.Subject, "whatever the rule matches") }

// until is when a grant ends.
func until(g api.Grant, now time.Time) string {
	if g.Until == nil {
		return "the run ends"
	}
	return clock(*g.Until, now)
}

func orWords(s, words string) string {
	if s == "" {
		return words
	}
	return s
}
