// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newApprovalsShow(u *ui) *cobra.Command {
	var socket string
	asJSON := false
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show all that is known of a request",
		Long: `Show all that is known of a request that waits, and the commands that answer it. The processes begin with the first of the
run and end with the one that waits; what a process calls itself and the words of its command stand in quotes and prove
nothing.` + exits(failed, wrongUsage),
		Example: "  caisson approvals show r3-bfpd",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("caisson approvals lists the ids", "show takes the id of one request")
			}
			list, err := client.New(socket).Approvals(cmd.Context(), 0)
			if err != nil {
				return err
			}
			a, ok := findApproval(list.Requests, args[0])
			if !ok {
				return notWaiting(args[0])
			}
			if asJSON {
				return u.json(a)
			}
			printApproval(u, a, time.Now())
			return nil
		},
		ValidArgsFunction: completeRequest,
	}
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	return cmd
}

func findApproval(list []api.Approval, id string) (api.Approval, bool) {
	for _, a := range list {
		if a.ID == id {
			return a, true
		}
	}
	return api.Approval{}, false
}

// notWaiting is about a request that is not in the list.
func notWaiting(id string) error {
	return &hinted{fmt.Errorf("%s: no such request waits", id), "caisson approvals lists those that do"}
}

// printApproval writes all that is known of a request.
func printApproval(u *ui, a api.Approval, now time.Time) {
	t := u.table()
	t.row("request", a.ID)
	for _, f := range facts(a, now) {
		t.row(f.name, f.value)
	}
	t.flush()

	if len(a.Processes) > 0 {
		u.text("processes\n")
	}
	for _, p := range ancestry(a.Processes) {
		u.text(p + "\n")
	}
	u.text("to answer\n")
	t = u.table()
	t.indent = "  "
	t.row("caisson approve "+a.ID, "the calls that wait now")
	if a.Run != "" {
		t.row("caisson approve "+a.ID+" --run", "and the same in this run, until it ends")
	}
	t.row("caisson approve "+a.ID+" --for 15m", "and the same in every run of the agent, for that time")
	t.row("caisson deny "+a.ID+" --reason TEXT", "the agent can read the reason")
	t.flush()
}
