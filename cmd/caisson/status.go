// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newStatus(u *ui) *cobra.Command {
	var socket string
	asJSON := false
	cmd := &cobra.Command{
		Use: "status", Short: "Show what the daemon enforces",
		Long: `Show what the daemon enforces: every agent with the policy in force, its runs and its decisions, the kernel's counters, and
what an operator must know. It is for root. An agent that asks is told about itself.` + exits(failed, wrongUsage),
		Example: "  sudo caisson status",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := client.New(socket)
			s, err := c.Status(cmd.Context())
			if err == nil {
				if asJSON {
					return u.json(s)
				}
				printStatus(u, s)
				return nil
			}

			var refused *api.Error
			if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
				return err
			}
			self, selfErr := c.Self(cmd.Context())
			if selfErr != nil || self.Agent == "" && self.Run == "" {
				return err // neither root nor an agent
			}
			if asJSON {
				return u.json(self)
			}
			printSelf(u, self)
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	return cmd
}
