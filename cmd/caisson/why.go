// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

// whyCount is how many denials are shown unless told otherwise: a screenful.
const whyCount = 5

func newWhy(u *ui) *cobra.Command {
	var socket string
	count, asJSON := whyCount, false
	cmd := &cobra.Command{
		Use: "why", Short: "Say what this run was denied last, and why",
		Long: `Say what the run that this process belongs to was denied last, newest first: what was tried, what has decided, and whether it
can help to ask again. It is for agents and needs no privilege.` + exits(failed, wrongUsage),
		Example: "  caisson why -n 1",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 {
				return usage("use a positive number", "-n: %d denials are none", count)
			}
			d, err := ownDenials(cmd.Context(), client.New(socket))
			if err != nil {
				return err
			}
			d.Denials = d.Denials[:min(len(d.Denials), count)]
			if asJSON {
				return u.json(d)
			}
			printDenials(u, d, time.Now())
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().IntVarP(&count, "lines", "n", count, "show the newest `N` denials")
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	return cmd
}

// ownDenials asks for the denials of the caller's run. A caller that has none is told what to use instead.
func ownDenials(ctx context.Context, c *client.Client) (api.Denials, error) {
	d, err := c.Denials(ctx)
	if err == nil && d.Agent != "" {
		return d, nil
	}
	var answer *api.Error
	if err != nil && (!errors.As(err, &answer) || answer.Status == 0) {
		return d, err
	}
	if self, selfErr := c.Self(ctx); err != nil && (selfErr != nil || self.Agent != "") {
		return d, err
	}
	return d, &hinted{errors.New("this process belongs to no agent"),
		"caisson audit query --effect DENY lists what was denied to any agent"}
}
