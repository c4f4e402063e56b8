// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"caisson/audit"
)

func newTail(u *ui) *cobra.Command {
	var f filterFlags
	var dir string
	count, follow, asJSON := 10, false, false
	cmd := &cobra.Command{
		Use: "tail", Short: "Show the newest records, and follow the log",
		Long: `Show the newest records that match all that is given, and with -f those that are written from then on, until it is
interrupted. Without -f the whole log is checked before anything is shown.` + exits(failed, wrongUsage),
		Example: "  caisson audit tail -f --effect DENY",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			if count < 0 || count == 0 && !follow {
				return usage("use a positive number; 0 only with -f", "-n: %d records are none", count)
			}
			p := newRecordPrinter(u, asJSON)
			if follow {
				start := audit.Start{Last: count, Now: count == 0}
				return audit.Tail(cmd.Context(), dir, filter, start, p.now)
			}
			return last(dir, filter, count, p)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addAudit(cmd, &dir)
	f.add(cmd)
	cmd.Flags().IntVarP(&count, "lines", "n", count, "show the newest `N` records")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written later")
	addJSON(cmd, &asJSON)
	return cmd
}

// last prints the newest records. It reads the log from its start: only so is damage before them seen.
func last(dir string, filter audit.Filter, count int, p *recordPrinter) error {
	var newest []audit.Record
	err := audit.Query(dir, filter, func(r audit.Record) error {
		if len(newest) == count {
			newest = append(newest[:0], newest[1:]...)
		}
		newest = append(newest, r)
		return nil
	})
	for i := range newest {
		if err := p.print(&newest[i]); err != nil {
			return err
		}
	}
	p.table.flush()
	return err
}
