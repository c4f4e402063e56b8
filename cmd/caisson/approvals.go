// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newApprovals(u *ui) *cobra.Command {
	var socket string
	asJSON := false
	cmd := &cobra.Command{
		Use: "approvals", Short: "List the requests that wait for an answer",
		Long: `List the requests that wait for an answer, oldest first: as many of them as the caller may answer. A request is one or more
system calls of a run that ask for the same; what they ask for is in the last column, complete.

AGE is how long the first has waited, LEFT how long until all are denied, WAITING how many calls wait.` + exits(failed, wrongUsage),
		Example: "  caisson approvals",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noSuch(cmd, args)
			}
			list, err := client.New(socket).Approvals(cmd.Context(), 0)
			if err != nil {
				return err
			}
			if asJSON {
				return u.json(list)
			}
			printApprovals(u, list.Requests, time.Now())
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	cmd.AddCommand(newApprovalsShow(u), newApprovalsWatch(u))
	return cmd
}

// nothingWaits is what an empty list says.
const nothingWaits = "nothing waits for an answer of yours"

// printApprovals writes a table of requests. The subject, which an agent has chosen, is the last column, so that it cannot
// pass for another.
func printApprovals(u *ui, list []api.Approval, now time.Time) {
	if len(list) == 0 {
		u.text(nothingWaits + "\n")
		return
	}

	t := u.table("ID", "AGENT", "AGE", "LEFT", "WAITING", "RULE", "SUBJECT")
	for _, a := range list {
		t.row(a.ID, a.Agent, span(now.Sub(a.Since)), span(a.Deadline.Sub(now)), a.Waiting, a.Rule, a.Subject)
	}
	t.flush()
	for _, a := range list {
		if a.Message != "" {
			u.printf("message: %s: %s\n", a.ID, prose(a.Message))
		}
	}
}
