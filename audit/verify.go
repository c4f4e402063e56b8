// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"errors"
	"fmt"
)

// verifyRuns bounds how often a log that changes meanwhile is read again.
const verifyRuns = 3

// Verify checks every line of the log in dir: its hash, its place in the
// chain, its segment, and the bytes that segments declare void. It needs no
// keys and no lock, and works while a writer has the log open. The error is
// about reading the files; what is wrong with them is in the Report.
func Verify(dir string) (Report, error) {
	root, segs, err := openLog(dir)
	if err != nil {
		return Report{}, fmt.Errorf("verify audit log: %w", err)
	}
	defer root.Close()
	defer segs.Close()

	var r Report
	for range verifyRuns {
		// A writer that rolls or gives up a segment between two of our reads
		// looks like damage. Real damage is still there the next time.
		r, err = verify(segs, func() bool { return locked(root) }, func() (string, error) { return readLogID(root) })
		if err == nil && (r.Status == OK || !r.Live) {
			break
		}
	}
	if err != nil {
		return r, fmt.Errorf("verify audit log: %w", err)
	}
	return r, nil
}

// verify reads the log once. Whether a writer is there is asked before and
// after, so that one that comes or goes meanwhile is noticed.
func verify(segs Dir, live func() bool, logID func() (string, error)) (Report, error) {
	r := Report{BadSeq: -1, Live: live()}
	l, err := readLayout(segs)
	if err != nil {
		return r, err
	}
	id, idErr := logID()
	r.Foreign = l.foreign
	w := walker{dir: segs, live: r.Live, id: id}
	var last []byte
	w.line = func(_ *segment, _ int64, line []byte) error {
		if bytes.Contains(line, []byte(`,"kind":"gap"`)) {
			r.Gaps++
		}
		last = append(last[:0], line...)
		return nil
	}
	err = w.run(l)
	r.Live = r.Live || live()
	r.Log, r.Records, r.Segments = w.id, w.records, w.segments
	r.Torn, r.TornTails, r.InFlight = w.torn, len(w.torn), w.inFlight
	if r.Records > 0 {
		r.Last = w.at.next - 1
		if rec, err := decode(last); err == nil {
			r.LastTime = rec.T
		}
	}
	var bad *DamageError
	switch {
	case errors.As(err, &bad):
		r.Status, r.Problem = Tampered, bad.Error()
		r.BadSeq, r.BadSeg, r.BadOff = int64(bad.Seq), bad.Segment, bad.Offset
	case err != nil:
		return r, err
	default:
		r.judge(id, idErr)
	}
	return r, nil
}

// judge sets the status of a log whose lines are all sound.
func (r *Report) judge(id string, idErr error) {
	switch {
	case idErr != nil:
		r.Status, r.Problem = Tampered, idErr.Error()
	case r.Records == 0 && id != "" && r.TornTails == 0 && !r.Live:
		// The ID is only written once the first record is on disk.
		r.Status, r.BadSeq, r.Problem = Tampered, 0, "the log has an ID but no records"
	case r.TornTails > 0:
		r.Status, r.Problem = Damaged, "some bytes do not count; a crash or a write error can explain them, see torn tails"
	case id == "" && !r.Live:
		r.Status, r.Problem = Damaged, "file log.id is missing"
	}
}
