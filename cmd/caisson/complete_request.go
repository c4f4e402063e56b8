// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"caisson/audit"
	"caisson/daemon/client"
)

// completionTime is how long a shell waits for the daemon before it offers nothing.
const completionTime = time.Second

// completionClient is a client of the daemon that the command line names, and a context that ends soon.
func completionClient(cmd *cobra.Command) (*client.Client, context.Context, context.CancelFunc) {
	socket := ""
	if f := cmd.Flags().Lookup("socket"); f != nil {
		socket = f.Value.String()
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	return client.New(socket), ctx, cancel
}

// offer is an id as a shell shows it.
func offer(id, agent, rule string) string {
	return audit.Sanitize(id) + "\t" + audit.Sanitize(agent+" "+rule)
}

// completeRequests offers the requests that wait and are not on the line yet.
func completeRequests(cmd *cobra.Command, args []string, _ string) (out []string, _ cobra.ShellCompDirective) {
	c, ctx, cancel := completionClient(cmd)
	defer cancel()
	// Without an answer there is nothing to offer, and no place to say why.
	if list, err := c.Approvals(ctx, 0); err == nil {
		for _, a := range list.Requests {
			if !slices.Contains(args, a.ID) {
				out = append(out, offer(a.ID, a.Agent, a.Rule))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeRequest offers requests for the first argument.
func completeRequest(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeRequests(cmd, args, word)
}

// completeGrants offers the grants that are not on the line yet.
func completeGrants(cmd *cobra.Command, args []string, _ string) (out []string, _ cobra.ShellCompDirective) {
	c, ctx, cancel := completionClient(cmd)
	defer cancel()
	if list, err := c.Grants(ctx); err == nil {
		for _, g := range list.Grants {
			if !slices.Contains(args, g.ID) {
				out = append(out, offer(g.ID, g.Agent, g.Rule))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
