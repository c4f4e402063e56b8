// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"time"
)

// begin makes the first segment of this writer. There is no second attempt:
// a log that cannot take its first record must not be opened.
func (w *writer) begin(rec *recovered) error {
	w.at, w.durable = rec.at, rec.at
	err := w.create(rec.resume)
	if err != nil {
		return err
	}
	e := w.opening(rec.Tails)
	w.held = append(w.held, e)
	w.encode(e)
	err = w.persist()
	if err != nil {
		return err
	}
	w.settled()

	return nil
}

// opening makes the first record of a segment.
func (w *writer) opening(tails []SegmentTail) *entry {
	r := Record{Kind: KindSegmentOpen}
	if w.durable.next == 0 {
		r.Kind = KindGenesis
	}
	e := newEntry(&r, w.opt.Boot)
	e.open = &SegmentOpen{Log: w.id, Tails: tails}

	return e
}

// create makes the file for the record after the last durable one, or takes
// the empty file resume if that has the right name.
func (w *writer) create(resume string) error {
	segs, _, err := listSegments(w.dir)
	if err != nil {
		return err
	}
	gen := 0
	for _, s := range segs {
		if s.first == w.durable.next {
			gen = max(gen, s.gen+1)
		}
	}
	name, make := nameSegment(w.durable.next, gen), w.dir.Create
	if first, _, ok := parseSegmentName(resume); ok && first == w.durable.next {
		name, make = resume, w.dir.Resume
	}
	if gen > maxGen {
		return fmt.Errorf("create segment: %d files for record %d already (move the log aside and investigate)", gen, w.durable.next)
	}
	f, err := make(name)
	if err != nil {
		return fmt.Errorf("create segment: %w", err)
	}
	w.file, w.name, w.bytes, w.synced = f, name, 0, false
	w.born, w.sum = time.Now(), summary{}

	return nil
}

// roll seals the segment and begins the next. Nothing is held meanwhile.
func (w *writer) roll() {
	err := w.seal()
	if err != nil {
		w.unseal()
		w.rescue(err)
		return
	}
	sealed := SegmentTail{PrevSeg: w.name, ValidSeq: w.durable.next - 1, ValidBytes: w.bytes, Why: EndSealed}
	err = w.file.Close()
	w.file = nil
	if err == nil {
		err = w.create("")
	}
	e := w.opening([]SegmentTail{sealed})
	w.held = append(w.held, e)
	if err != nil {
		w.rescue(err)
		return
	}
	w.encode(e)
	w.commit()
}

// seal writes the last record of the segment. The file becomes read-only as a
// courtesy to people; nothing relies on it.
func (w *writer) seal() error {
	e := newEntry(&Record{Kind: KindSegmentSeal, Seal: w.sum.seal(w.bytes)}, w.opt.Boot)
	w.held = append(w.held, e)
	w.encode(e)
	err := w.persist()
	if err != nil {
		return err
	}
	w.settled()
	err = w.file.Chmod()
	if err != nil {
		return fmt.Errorf("make segment %s read-only: %w", w.name, err)
	}
	return nil
}

// unseal forgets a seal that did not reach the disk: it would be untrue of
// the segment that comes next.
func (w *writer) unseal() {
	clear(w.held)
	w.held = w.held[:0]
}
