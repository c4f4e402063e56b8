// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"caisson/daemon"
	"caisson/daemon/kernel"
)

func detachCommand(f *flags) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "detach",
		Short: "End enforcement on this host",
		Long: `detach removes the programs and maps that enforce policies. The daemon must have been stopped.

It refuses while any process is in caisson.slice, because it would go on with nothing to confine it; --force does it all the
same. What was done is in the audit log before it is done.

Exit status: 0 done; 1 refused, or an error; 2 bad usage.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return daemon.Detach(daemon.DetachOptions{Audit: f.audit, Pins: f.pins, Force: force, Release: release, Detach: kernel.Detach})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "even while agents have processes")
	return cmd
}
