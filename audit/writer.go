// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"time"
)

// A batch is synced when it holds this much, whatever the clock says.
const (
	batchRecords = 256
	batchBytes   = 128 << 10
)

// writer owns the segment being written. Everything in it is touched by its
// goroutine only, after begin returned; what others may see is in Log.
type writer struct {
	log   *Log
	opt   Options
	dir   Dir
	id    string
	queue chan *entry
	done  chan struct{} // closed when the goroutine is gone

	file   File
	name   string
	bytes  int64 // of the file, as far as they are on disk
	born   time.Time
	sum    summary
	synced bool // the directory, since the file was made

	at      chain    // after the newest encoded record
	durable chain    // after the newest record on disk
	held    []*entry // not yet on disk, oldest first
	marks   []*entry // waiters without a record of their own
	buf     []byte   // encoded, not yet written
	pending int64    // bytes encoded since the last sync, written or not
	hash    *hasher

	force    bool      // sync as soon as the queue is empty
	writeDue time.Time // zero: nothing to write
	syncDue  time.Time // zero: nothing to sync
	failed   error
}

// run takes records until the queue is closed.
func (w *writer) run() {
	defer close(w.done)

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for open := true; open; {
		timer.Reset(w.patience())
		select {
		case e, ok := <-w.queue:
			open = ok
			if ok {
				w.take(e)
				open = w.drain()
			}
		case <-timer.C:
		}
		w.settle(time.Now())
	}
	w.finish()
}

// drain takes what is queued already, as much as fits in a batch. It reports
// false when the queue is closed.
func (w *writer) drain() bool {
	for !w.full() {
		select {
		case e, ok := <-w.queue:
			if !ok {
				return false
			}
			w.take(e)
		default:
			return true
		}
	}
	return true
}

func (w *writer) full() bool {
	return len(w.held) >= batchRecords || w.pending >= batchBytes
}

// patience is how long nothing needs to be done unless a record comes.
func (w *writer) patience() time.Duration {
	due := w.born.Add(w.opt.SegmentAge)
	if !w.syncDue.IsZero() && w.syncDue.Before(due) {
		due = w.syncDue
	}
	if !w.writeDue.IsZero() && w.writeDue.Before(due) {
		due = w.writeDue
	}
	if w.failed != nil {
		return time.Hour
	}
	return time.Until(due)
}

// take adds one record to the batch.
func (w *writer) take(e *entry) {
	switch {
	case w.failed != nil:
		w.drop(e)
		return
	case e.mark:
		w.marks = append(w.marks, e)
		w.force = true
		return
	}
	w.encode(e)
	w.held = append(w.held, e)
	if e.done != nil || e.class == classSync {
		w.force = true
		return
	}
	wait := w.opt.Delay
	if e.class == classAllow {
		wait = w.opt.AllowDelay
	}
	now := time.Now()
	if w.writeDue.IsZero() {
		w.writeDue = now.Add(w.opt.Delay)
	}
	if due := now.Add(wait); w.syncDue.IsZero() || due.Before(w.syncDue) {
		w.syncDue = due
	}
}

func (w *writer) encode(e *entry) {
	n := len(w.buf)
	w.buf = e.appendLine(w.buf, &w.at, int64(w.durable.next)-1, w.hash)
	w.pending += int64(len(w.buf) - n)
}

// settle does what is due.
func (w *writer) settle(now time.Time) {
	if w.failed != nil {
		return
	}
	switch {
	case w.force, w.full(), due(w.syncDue, now), w.aged(now):
		w.commit()
	case due(w.writeDue, now):
		err := w.write()
		if err != nil {
			w.rescue(err)
		}
	}
	if w.failed == nil && len(w.held) == 0 && (w.bytes >= w.opt.SegmentBytes || w.aged(now)) {
		w.roll()
	}
}

func (w *writer) aged(now time.Time) bool { return now.Sub(w.born) >= w.opt.SegmentAge }

func due(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// finish closes the log after the last record.
func (w *writer) finish() {
	if w.failed == nil {
		w.commit()
	}
	if w.failed == nil {
		err := w.seal()
		if err != nil {
			w.fail(err)
		}
	}
	if w.file != nil {
		err := w.file.Close()
		if err != nil && w.failed == nil {
			w.fail(err)
		}
	}
}
