// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

func newGrantsRevoke(u *ui) *cobra.Command {
	var socket string
	asJSON := false
	cmd := &cobra.Command{
		Use: "revoke ID…", Short: "Take remembered approvals back",
		Long: `Take remembered approvals back. What they have allowed is not called back; the next call about it asks again. It is for root.` +
			exits(meaning{exitOK, "every grant was taken back"},
				meaning{exitFailed, "at least one was not, or the daemon could not be asked"}, wrongUsage),
		Example: "  sudo caisson grants revoke g4",
		RunE: func(cmd *cobra.Command, ids []string) error {
			if len(ids) == 0 {
				return usage("caisson grants lists the ids", "no grant named")
			}
			return revoke(cmd.Context(), u, client.New(socket), ids, asJSON)
		},
		ValidArgsFunction: completeGrants,
	}
	addSocket(cmd, &socket)
	addJSON(cmd, &asJSON)
	return cmd
}

// revoke takes back each grant that it can.
func revoke(ctx context.Context, u *ui, c *client.Client, ids []string, asJSON bool) error {
	revoked := api.Grants{Grants: []api.Grant{}}
	var failures []error
	for _, id := range ids {
		g, err := c.Revoke(ctx, id)
		if err != nil {
			failures = append(failures, about(id, err))
			continue
		}
		revoked.Grants = append(revoked.Grants, g)
	}
	if asJSON {
		return errors.Join(append(failures, u.json(revoked))...)
	}

	t := u.table()
	for _, g := range revoked.Grants {
		t.row(g.ID, "revoked: it has allowed "+plural(g.Used, "call"), g.Agent, covered(g))
	}
	t.flush()
	return errors.Join(failures...)
}
