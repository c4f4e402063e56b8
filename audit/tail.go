// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tailPoll is how often Tail looks for new records.
const tailPoll = 50 * time.Millisecond

// Start says where Tail begins. The zero value is the first record.
type Start struct {
	Seq  uint64 // the first record with this sequence number or a higher one
	Last int    // if not 0: that many records, of those the filter selects, before the end
	Now  bool   // only what is written from now on
}

// Tail calls fn for each record that f selects, from start on, and then goes
// on with what is written later, across segments, until ctx is done (it then
// returns the error of ctx), fn returns an error, or f.Limit is reached (nil).
// It shows records when the writer has handed them to the kernel, which may
// be up to Options.AllowDelay before they are safe from a power failure; a
// record that a write error made the writer write again is shown once.
// A line that is not sound ends it with an error wrapping a [*DamageError].
func Tail(ctx context.Context, dir string, f Filter, start Start, fn func(Record) error) error {
	root, segs, err := openLog(dir)
	if err != nil {
		return fmt.Errorf("follow audit log: %w", err)
	}
	defer root.Close()
	defer segs.Close()

	t := follower{dir: segs, match: newMatcher(f), fn: fn, from: start.Seq, quiet: start.Now, hash: newHasher()}
	defer t.close()
	if start.Last > 0 {
		err = t.last(start.Last)
	}
	if err == nil {
		err = t.follow(ctx)
	}
	if errors.Is(err, errEnough) || err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("follow audit log: %w", err)
}

// last shows the n newest records that are selected. It reads segments from
// the newest back, so that its cost depends on n and not on the log.
func (t *follower) last(n int) error {
	l, err := readLayout(t.dir)
	if err != nil {
		return err
	}
	var found []Record
	for i := len(l.segs) - 1; i >= 0 && len(found) < n; i-- {
		s := l.segs[i]
		if s.open == nil {
			continue
		}
		batch, next, err := t.scan(s, n-len(found))
		if err != nil {
			return err
		}
		found = append(batch, found...)
		t.from = max(t.from, next)
	}
	for _, r := range found {
		err := t.show(r)
		if err != nil {
			return err
		}
	}
	return nil
}

// scan returns the newest n selected records of s and the sequence number
// after its last sound record.
func (t *follower) scan(s *segment, n int) ([]Record, uint64, error) {
	f, err := t.dir.Open(s.name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()

	limit := int64(-1)
	if s.tail != nil {
		limit = s.tail.ValidBytes
	}
	lr, at := newLineReader(f, 0, limit), chain{}
	var found []Record
	for {
		line, off, err := lr.next()
		if err != nil {
			break // what it is will be seen when following
		}
		if off == 0 {
			at.next, at.prev, err = head(line)
			if err != nil {
				break
			}
		}
		if at.accept(t.hash, line) != nil {
			break
		}
		r, ok, err := t.match.match(line)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			continue
		}
		if len(found) == n {
			found = append(found[:0], found[1:]...)
		}
		found = append(found, r)
	}
	return found, at.next, nil
}

// show hands one record to the caller.
func (t *follower) show(r Record) error {
	err := t.fn(r)
	if err != nil {
		return err
	}
	t.shown++
	if t.match.Limit > 0 && t.shown >= t.match.Limit {
		return errEnough
	}
	return nil
}
