// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"caisson/audit"
)

// flushEvery is how many records are aligned together in a table.
const flushEvery = 64

func newQuery(u *ui) *cobra.Command {
	var f filterFlags
	var dir, since, until string
	limit, asJSON := 0, false
	cmd := &cobra.Command{
		Use: "query", Short: "List the records that match",
		Long: `List the records that match all that is given, oldest first. Every line of the log is checked on the way, also those that are
not listed. Times are RFC 3339, a date, or a duration before now (90m, 2h, 7d).` + exits(failed, wrongUsage),
		Example: "  caisson audit query --agent coding-agent --effect DENY --since 2h",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			if err := period(&filter, since, until, time.Now()); err != nil {
				return err
			}
			if limit < 0 {
				return usage("use a positive number, or 0 for all", "--limit: %d is negative", limit)
			}
			filter.Limit = limit
			return query(u, dir, filter, asJSON)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addAudit(cmd, &dir)
	f.add(cmd)
	cmd.Flags().StringVar(&since, "since", "", "`TIME` of the first record")
	cmd.Flags().StringVar(&until, "until", "", "`TIME` before which the last record was written")
	cmd.Flags().IntVar(&limit, "limit", 0, "stop after `N` records")
	addJSON(cmd, &asJSON)
	return cmd
}

// query prints the records that a filter selects.
func query(u *ui, dir string, filter audit.Filter, asJSON bool) error {
	p := newRecordPrinter(u, asJSON)
	n := 0
	err := audit.Query(dir, filter, func(r audit.Record) error {
		if n++; n%flushEvery == 0 {
			p.table.flush()
		}
		if err := p.print(&r); err != nil {
			return err
		}
		return u.broken
	})
	p.table.flush()
	if err == nil && n == 0 {
		u.note("no record matches")
	}
	return err
}
