// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newApprovalsWatch(u *ui) *cobra.Command {
	var socket string
	asJSON := false
	cmd := &cobra.Command{
		Use: "watch", Short: "Follow the requests, and answer them by a key",
		Long: `Follow the requests that wait for an answer. On a terminal it is a list in which one is selected and answered by a key:

  a  approve the calls that wait     j, k, arrows  select
  r  approve for the run             s             all that is known of it
  t  approve for 15 minutes          q             leave
  d  deny, with a reason

A key answers the request that was selected on the screen when it was pressed, and no other: not one that came there less than
half a second before, and no approval is given before the whole subject has been on the screen.

Where input or output is no terminal, and with --json, it writes one line for each request that is new or gone, and goes on
until it is interrupted. A daemon that does not answer is asked again.` + exits(failed, wrongUsage),
		Example: "  caisson approvals watch",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := client.New(socket)
			first, err := c.Approvals(cmd.Context(), 0)
			if err != nil {
				return err
			}
			p := poller{c.Approvals, pollGap, pollPause}
			if !asJSON && interactive(os.Stdin, os.Stdout) {
				return watchScreen(cmd.Context(), u, c, p, first)
			}
			return watchLines(cmd.Context(), u, p, first, asJSON)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	return cmd
}

// interactive says whether somebody sits at a terminal that can be drawn on.
func interactive(in, out *os.File) bool {
	t := os.Getenv("TERM")
	return t != "" && t != "dumb" && isTerminal(in) && isTerminal(out)
}

// same says whether two entries are one request. The id alone does not say so: a daemon that starts counts anew.
func same(a, b api.Approval) bool {
	return a.ID == b.ID && a.Agent == b.Agent && a.Run == b.Run && a.Generation == b.Generation && a.Rule == b.Rule &&
		a.Action == b.Action && a.Op == b.Op && a.Subject == b.Subject && a.Since.Equal(b.Since)
}

// watchScreen runs the view on the terminal.
func watchScreen(ctx context.Context, u *ui, c *client.Client, p poller, first api.Approvals) error {
	t, err := openTerminal(os.Stdin, os.Stdout)
	if err != nil {
		return err
	}
	w := &watch{
		term: t, screen: &screen{out: os.Stdout, color: u.color}, view: newView(), poll: p, answer: c.Answer,
	}
	return w.run(ctx, first)
}
