// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"strings"
	"time"
)

// Status is the outcome of Verify.
type Status int

// The outcomes. Damaged means that bytes are there which do not count, and
// that a crash or a write error can explain every one of them. It is not proof
// of a crash: damage to the very last batch before a writer died looks the
// same, because no later record says that it had been on disk.
const (
	OK       Status = iota // every record is there and unchanged, as far as a chain can tell
	Tampered               // records were changed, removed, added or destroyed; bit rot looks the same
	Damaged                // torn ends that a crash or a write error can explain
)

// String returns "ok", "tampered" or "damaged".
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Tampered:
		return "tampered"
	case Damaged:
		return "damaged"
	}
	return fmt.Sprintf("status %d", int(s))
}

// Report is what Verify found.
type Report struct {
	Status    Status
	Log       string        // ID of the log
	Records   uint64        // sound records, counted from the first
	First     uint64        // sequence number of the first; no meaning if Records is 0
	Last      uint64        // sequence number of the last sound one; no meaning if Records is 0
	LastTime  time.Time     // its T
	Segments  int           // files read
	Gaps      uint64        // gap records: times at which events were lost
	TornTails int           // segments with bytes that do not count
	Torn      []SegmentTail // these
	InFlight  int64         // bytes of a record that a writer was just writing
	Live      bool          // a writer had the log open
	BadSeq    int64         // first record that is not sound; -1: none
	BadSeg    string        // the file it should be in
	BadOff    int64         // where in that file
	Problem   string        // what is wrong; empty for OK
	Foreign   []string      // files in the directory of segments that are no segments
}

// String says in plain words what was proved and what was not.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log %s: %d records in %d segments\n", Sanitize(r.Log), r.Records, r.Segments)
	if r.Records == 0 {
		b.WriteString("present through: nothing\n")
	} else {
		fmt.Fprintf(&b, "present through: record %d, written %s\n", r.Last, r.LastTime.UTC().Format(time.RFC3339Nano))
	}
	b.WriteString("sealed through: nothing (this log has no signed checkpoints)\n")
	b.WriteString("anchored through: nothing (this log has no anchors)\n")
	fmt.Fprintf(&b, "gaps: %d records say that events were lost\n", r.Gaps)
	r.tails(&b)
	for _, name := range r.Foreign {
		fmt.Fprintf(&b, "ignored: %s is not a segment\n", Sanitize(name))
	}
	if r.Problem != "" {
		fmt.Fprintf(&b, "problem: %s\n", Sanitize(r.Problem))
	}
	fmt.Fprintf(&b, "status: %s\n", r.Status)
	b.WriteString("not proven: that no records are missing at the end, and that the whole log was not written anew;\n" +
		"  a hash chain without signed checkpoints kept elsewhere cannot show either\n")

	return b.String()
}

func (r *Report) tails(b *strings.Builder) {
	fmt.Fprintf(b, "torn tails: %d\n", r.TornTails)
	for _, t := range r.Torn {
		why := "not yet recorded: the next writer will do so"
		switch t.Why {
		case EndCrash:
			why = "taken for the end of a crash, unchanged since"
		case EndError:
			why = "left by a write error, its records were written again"
		}
		fmt.Fprintf(b, "  %s: %d bytes after offset %d, %s\n", t.PrevSeg, t.TornBytes, t.ValidBytes, why)
	}
	if r.InFlight > 0 {
		fmt.Fprintf(b, "in progress: %d bytes of a record being written\n", r.InFlight)
	}
}
