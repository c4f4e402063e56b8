// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// badPolls is how often a line must look unsound before it is called damage:
// a segment that is just being given up may look so for a moment.
const badPolls = 20

// follower reads a log that grows.
type follower struct {
	dir   Dir
	match *matcher
	fn    func(Record) error
	hash  *hasher
	from  uint64 // records before this one are not shown
	quiet bool   // show nothing until the end was seen once
	shown int

	cur  *segment // being read; nil before the first
	file ReadFile
	off  int64 // of the next line
	at   chain
	bad  int // polls in a row at which the next line was unsound
}

func (t *follower) close() {
	if t.file != nil {
		t.file.Close()
	}
}

// follow reads until ctx is done.
func (t *follower) follow(ctx context.Context) error {
	timer := time.NewTicker(tailPoll)
	defer timer.Stop()
	for {
		bad, err := t.advance(ctx)
		if err != nil {
			return err
		}
		moved, err := t.move()
		if err != nil {
			return err
		}
		if moved {
			t.bad = 0
			continue
		}
		t.quiet = false
		t.bad++
		if bad == nil {
			t.bad = 0
		}
		if t.bad >= badPolls {
			return bad
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// advance shows the sound lines that are there. It returns what stopped it,
// if that was not the end.
func (t *follower) advance(ctx context.Context) (*DamageError, error) {
	if t.cur == nil {
		return nil, nil
	}
	_, err := t.file.Seek(t.off, io.SeekStart)
	if err != nil {
		return nil, err
	}
	limit := int64(-1)
	if t.cur.tail != nil {
		limit = t.cur.tail.ValidBytes
	}
	lr := newLineReader(t.file, t.off, limit)
	for ctx.Err() == nil {
		line, off, err := lr.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return nil, nil
		}
		if err == nil {
			err = t.at.accept(t.hash, line)
		}
		if err != nil {
			return &DamageError{Segment: t.cur.name, Offset: off, Seq: t.at.next, Why: err.Error()}, nil
		}
		t.off = lr.off
		err = t.line(line)
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// line shows one sound line, once.
func (t *follower) line(line []byte) error {
	if seq := t.at.next - 1; seq < t.from {
		return nil
	}
	t.from = t.at.next
	if t.quiet {
		return nil
	}
	r, ok, err := t.match.match(line)
	if err != nil || !ok {
		return err
	}
	return t.show(r)
}

// move goes to the next segment if there is one and the current one has been
// read as far as it counts. It reports whether there is more to read now.
func (t *follower) move() (bool, error) {
	if t.cur != nil {
		later, err := t.later()
		if err != nil || !later {
			return false, err
		}
	}
	l, err := readLayout(t.dir)
	if err != nil {
		return false, err
	}
	next := t.next(l)
	if next == nil {
		return false, nil
	}
	if t.cur == nil {
		return true, t.enter(next, nil)
	}
	cur := find(l.segs, t.cur.name)
	if cur == nil || cur.tail == nil {
		return false, &DamageError{Segment: t.cur.name, Offset: t.off, Seq: t.at.next, Why: "a later segment exists, but none names this one"}
	}
	if t.cur.tail == nil && t.off < cur.tail.ValidBytes {
		t.cur.tail = cur.tail // read on, up to there
		return true, nil
	}
	if t.off < cur.tail.ValidBytes {
		return false, nil // unsound before the end: advance says what it is
	}
	if t.off > cur.tail.ValidBytes {
		err = t.rewind(cur)
		if err != nil {
			return false, err
		}
	}
	if next.open.corrupt() {
		t.at.next = max(t.at.next, next.first)
	}
	return true, t.enter(next, &t.at)
}

// later reports cheaply whether any segment comes after the current one.
func (t *follower) later() (bool, error) {
	segs, _, err := listSegments(t.dir)
	if err != nil {
		return false, err
	}
	last := len(segs) - 1

	return last >= 0 && segs[last].name != t.cur.name && segs[last].size > 0, nil
}

// next picks the segment to read: at first the newest one that holds what is
// wanted, then the one after the current one that counts.
func (t *follower) next(l *layout) *segment {
	var pick *segment
	for _, s := range l.segs {
		if s.open == nil {
			continue
		}
		if t.cur == nil {
			if pick == nil || s.first <= t.from || t.quiet {
				pick = s
			}
			continue
		}
		if s.first > t.cur.first || s.first == t.cur.first && s.gen > t.cur.gen {
			return s
		}
	}
	return pick
}

// enter begins to read s. Without at, the chain begins with what s says.
func (t *follower) enter(s *segment, at *chain) error {
	f, err := t.dir.Open(s.name)
	if err != nil {
		return err
	}
	t.close()
	t.cur, t.file, t.off = s, f, 0
	if at != nil {
		return nil
	}
	line, _, err := newLineReader(f, 0, -1).next()
	if err == nil {
		t.at.next, t.at.prev, err = head(line)
	}
	if err != nil {
		return fmt.Errorf("read segment %s: %w", s.name, err)
	}
	return nil
}

// rewind goes back to where s stopped counting: lines after that were read
// before their writer gave up on them, and come again in the next segment.
func (t *follower) rewind(s *segment) error {
	err := t.enter(s, nil)
	if err != nil || s.tail.ValidBytes == 0 {
		return err
	}
	lr := newLineReader(t.file, 0, s.tail.ValidBytes)
	_, err = t.file.Seek(0, io.SeekStart)
	for err == nil && lr.off < s.tail.ValidBytes {
		var line []byte
		line, _, err = lr.next()
		if err == nil {
			err = t.at.accept(t.hash, line)
		}
	}
	return err
}

func find(segs []*segment, name string) *segment {
	for _, s := range segs {
		if s.name == name {
			return s
		}
	}
	return nil
}
