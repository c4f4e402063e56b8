// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"io"
	"time"
)

// slowSync is a sync worth counting: the disk is not keeping up.
const slowSync = time.Second

// write hands what is encoded to the kernel.
func (w *writer) write() error {
	w.writeDue = time.Time{}
	if len(w.buf) == 0 {
		return nil
	}
	n, err := w.file.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("write segment %s: %w", w.name, err)
	}
	w.buf = w.buf[:0]

	return nil
}

// persist writes and syncs. Only when it returns nil is anything held durable.
func (w *writer) persist() error {
	err := w.write()
	if err != nil {
		return err
	}
	start := time.Now()
	err = w.file.Sync()
	if err != nil {
		return fmt.Errorf("sync segment %s: %w", w.name, err)
	}
	if !w.synced {
		err = w.dir.Sync()
		if err != nil {
			return fmt.Errorf("sync directory of segments: %w", err)
		}
		w.synced = true
	}
	w.log.synced(time.Since(start))

	return nil
}

// commit makes everything held durable, if need be in a new segment.
func (w *writer) commit() {
	if len(w.held) > 0 {
		err := w.persist()
		if err != nil {
			w.rescue(err)
			return
		}
	}
	w.settled()
}

// settled does the bookkeeping after a sync, and only then tells the waiters.
func (w *writer) settled() {
	w.bytes += w.pending
	w.durable = w.at
	for _, e := range w.held {
		w.sum.add(e)
	}
	w.log.progress(w)
	for _, e := range append(w.held, w.marks...) {
		w.log.arrived(e)
		e.finish(nil)
	}
	clear(w.held)
	clear(w.marks)
	w.held, w.marks, w.pending, w.force = w.held[:0], w.marks[:0], 0, false
	w.writeDue, w.syncDue = time.Time{}, time.Time{}
}

// rescue gives up the current segment after cause and writes what is held to
// a new one, with the same sequence numbers. The old file is not touched
// again: after a failed sync the kernel may call pages clean that never
// reached the disk, so trying again on it would prove nothing.
func (w *writer) rescue(cause error) {
	bad := w.name
	err := w.reopen(cause)
	if err == nil {
		err = w.persist()
	}
	if err != nil {
		w.fail(fmt.Errorf("%w (after: %w)", err, cause))
		return
	}
	w.settled()
	w.log.poisoned()
	w.opt.OnPoison(bad, cause)
}

// reopen starts a new segment with all that is held.
func (w *writer) reopen(cause error) error {
	tails := w.giveUp(cause)
	w.at, w.buf, w.pending = w.durable, w.buf[:0], 0
	switch {
	case len(w.held) == 0:
		w.held = append(w.held, w.opening(tails))
	case w.held[0].open != nil:
		// The segment given up had no durable record: what it said about the
		// ones before it must be said again.
		open := *w.held[0].open
		open.Tails = append(open.Tails[:len(open.Tails):len(open.Tails)], tails...)
		w.held[0].open = &open
	default:
		w.held[0].open = &SegmentOpen{Log: w.id, Tails: tails}
	}
	err := w.create("")
	if err != nil {
		return err
	}
	for _, e := range w.held {
		w.encode(e)
	}
	return nil
}

// giveUp closes the current segment, if there is one, and describes it.
func (w *writer) giveUp(cause error) []SegmentTail {
	if w.file == nil {
		return nil
	}
	w.file.Close() // its error adds nothing: the segment is given up anyway
	w.file = nil
	t := SegmentTail{PrevSeg: w.name, ValidBytes: w.bytes, Why: EndError, Err: Sanitize(cause.Error())}
	if w.bytes > 0 {
		t.ValidSeq = w.durable.next - 1
	}
	f, err := w.dir.Open(w.name)
	if err == nil {
		// What cannot be read stays undescribed; no record that counts is in it.
		t.TornBytes, t.TornSHA256, _ = hashRest(f, w.bytes)
		f.Close()
	}
	if t.ValidBytes == 0 && t.TornBytes == 0 {
		return nil // an empty file says nothing
	}
	return []SegmentTail{t}
}

// fail is the end: from here on every record is refused, loudly.
func (w *writer) fail(err error) {
	w.failed = fmt.Errorf("audit log failed: %w", err)
	w.log.fail(w.failed)
	for _, e := range append(w.held, w.marks...) {
		w.drop(e)
	}
	w.held, w.marks, w.buf = nil, nil, nil
	w.opt.OnFail(w.failed)
}

func (w *writer) drop(e *entry) {
	w.log.arrived(e)
	if !e.mark {
		w.log.lose()
	}
	e.finish(w.failed)
}
