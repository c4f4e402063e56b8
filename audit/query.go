// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
)

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// Query calls fn for each record of the log in dir that f selects, oldest
// first. Every line is checked on the way, also those that are not selected:
// the answer comes from a sound log, or Query ends with an error that wraps a
// [*DamageError] after the last sound record. It needs no lock and sees what
// a live writer has written so far. An error from fn ends it.
func Query(dir string, f Filter, fn func(Record) error) error {
	root, segs, err := openLog(dir)
	if err != nil {
		return fmt.Errorf("query audit log: %w", err)
	}
	defer root.Close()
	defer segs.Close()

	id, err := readLogID(root)
	if err != nil {
		return fmt.Errorf("query audit log: %w", err)
	}
	l, err := readLayout(segs)
	if err != nil {
		return fmt.Errorf("query audit log: %w", err)
	}
	m, found := newMatcher(f), 0
	w := walker{dir: segs, live: true, id: id}
	w.line = func(s *segment, off int64, line []byte) error {
		r, ok, err := m.match(line)
		if err != nil {
			return &DamageError{Segment: s.name, Offset: off, Seq: w.at.next - 1, Why: err.Error()}
		}
		if !ok {
			return nil
		}
		err = fn(r)
		if err != nil {
			return err
		}
		found++
		if f.Limit > 0 && found >= f.Limit {
			return errEnough
		}
		return nil
	}
	err = w.run(l)
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("query audit log: %w", err)
	}
	return nil
}
