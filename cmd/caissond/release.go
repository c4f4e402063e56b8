// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"caisson/daemon/holds"
	"caisson/daemon/kernel"
)

func releaseCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "release",
		Short: "Deny what waits for an answer",
		Long: `release denies every system call that waits for an answer, and continues the processes that made them. It is for when the
daemon has ended and will not come back soon; the unit runs it (ExecStopPost). Enforcement goes on: what would have to wait
is denied at once, until a daemon is there.

Exit status: 0 done, or nothing waits; 1 an error; 2 bad usage.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return release(f.pins) },
	}
}

// release denies what waits, by the pins alone.
func release(pins string) error {
	h, err := kernel.OpenHolds(pins)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(holds.Release(h, nil), h.Close())
}
