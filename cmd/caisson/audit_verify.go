// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"caisson/audit"
)

// verified is a report as JSON.
type verified struct {
	Status   string              `json:"status"` // ok, tampered or damaged
	Log      string              `json:"log"`
	Records  uint64              `json:"records"` // sound ones, from the first
	Last     *uint64             `json:"last"`    // sequence number of the last sound one
	LastTime *time.Time          `json:"last_time"`
	Segments int                 `json:"segments"`
	Gaps     uint64              `json:"gaps"`
	Torn     []audit.SegmentTail `json:"torn"`
	InFlight int64               `json:"in_flight"` // bytes of a record being written
	Live     bool                `json:"live"`      // a writer has the log open
	Bad      *badRecord          `json:"bad"`       // the first that is not sound
	Problem  string              `json:"problem"`
	Foreign  []string            `json:"foreign"` // files that are no segments
	// Unproven says in words what a chain without keys cannot show. It is never empty.
	Unproven string `json:"unproven"`
}

// badRecord says where the first record that is not sound should be.
type badRecord struct {
	Seq     uint64 `json:"seq"`
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`
}

func newVerify(u *ui) *cobra.Command {
	var dir string
	asJSON := false
	cmd := &cobra.Command{
		Use: "verify [DIR]", Short: "Check that no record was changed, removed or added",
		Long: `Check that no record of the log was changed, removed or added, as far as a hash chain without keys can tell; the report says
what it cannot. It needs no daemon and no keys, only leave to read the files.` + exits(verifyExits...),
		Example: "  caisson audit verify /var/lib/caisson/audit",
		Args:    atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if cmd.Flags().Changed("audit") {
					return usage("name it once", "the directory is named twice: %q and --audit %q", args[0], dir)
				}
				dir = args[0]
			}
			if dir == "" {
				return usage(seeHelp(cmd), "the name of the directory is empty")
			}
			r, err := audit.Verify(dir)
			if err != nil {
				return &exitError{exitUnread, err}
			}
			return printReport(u, r, asJSON)
		},
		Annotations: map[string]string{verifying: "yes"},
	}
	addAudit(cmd, &dir)
	addJSON(cmd, &asJSON)
	return cmd
}

// printReport writes the report and turns it into an exit status.
func printReport(u *ui, r audit.Report, asJSON bool) error {
	if asJSON {
		if err := u.json(asVerified(r)); err != nil {
			return &exitError{exitUnread, err}
		}
	} else {
		for line := range strings.Lines(r.String()) {
			u.printf("%s\n", prose(strings.TrimSuffix(line, "\n")))
		}
	}

	switch r.Status {
	case audit.OK:
		return nil
	case audit.Damaged:
		return silent(exitDamaged)
	}
	return silent(exitTampered)
}

func asVerified(r audit.Report) verified {
	v := verified{
		Status: r.Status.String(), Log: r.Log, Records: r.Records, Segments: r.Segments, Gaps: r.Gaps, Torn: r.Torn,
		InFlight: r.InFlight, Live: r.Live, Problem: r.Problem, Foreign: r.Foreign,
		Unproven: "that no records are missing at the end, and that the whole log was not written anew",
	}
	if r.Records > 0 {
		v.Last, v.LastTime = &r.Last, &r.LastTime
	}
	if r.BadSeq >= 0 {
		v.Bad = &badRecord{uint64(r.BadSeq), r.BadSeg, r.BadOff}
	}
	if v.Torn == nil {
		v.Torn = []audit.SegmentTail{}
	}
	if v.Foreign == nil {
		v.Foreign = []string{}
	}
	return v
}
