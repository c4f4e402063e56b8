// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// layout is the segments of a log and what they say about each other.
type layout struct {
	segs    []*segment // those that are not empty, in order
	empty   []*segment
	foreign []string // names that are no segments
	head    int      // index of the newest segment whose first record is sound; -1: none
	missing []string // segments that others name but that are not there
}

// readLayout reads the first record of every segment. It goes from the newest
// to the oldest, because a segment that a later one declares void must not be
// believed about the segments before it.
func readLayout(dir Dir) (*layout, error) {
	all, foreign, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	l := &layout{foreign: foreign, head: -1}
	byName := make(map[string]*segment, len(all))
	for _, s := range all {
		byName[s.name] = s
		if s.size == 0 {
			l.empty = append(l.empty, s)
		} else {
			l.segs = append(l.segs, s)
		}
	}
	for i := len(l.segs) - 1; i >= 0; i-- {
		s := l.segs[i]
		if s.tail != nil && s.tail.ValidBytes == 0 {
			continue
		}
		s.open, err = readOpen(dir, s)
		if err != nil {
			return nil, err
		}
		if s.open == nil {
			continue
		}
		l.head = max(l.head, i)
		l.explain(s, byName)
	}
	return l, nil
}

// explain applies what segment s says about the ones before it.
func (l *layout) explain(s *segment, byName map[string]*segment) {
	for i := range s.open.Tails {
		t := &s.open.Tails[i]
		prev := byName[t.PrevSeg]
		switch {
		case prev == nil || prev.size == 0:
			// A file given up before its first sync may never reach the disk.
			if t.Why == EndError && t.ValidBytes == 0 {
				continue
			}
			l.missing = append(l.missing, t.PrevSeg)
		case prev.tail == nil && (prev.first < s.first || prev.first == s.first && prev.gen < s.gen):
			prev.tail = t
		}
	}
}

// readOpen returns the "open" field of the first record of s, or nil if that
// record is damaged, misplaced or has none. The error is about reading only.
func readOpen(dir Dir, s *segment) (*SegmentOpen, error) {
	f, err := dir.Open(s.name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	defer f.Close()

	lr := newLineReader(f, 0, -1)
	line, _, err := lr.next()
	if errors.Is(err, errTorn) || errors.Is(err, errLong) || errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read segment %s: %w", s.name, err)
	}
	if _, err := newHasher().check(line); err != nil {
		return nil, nil
	}
	r, err := decode(line)
	if err != nil || r.Seq != s.first {
		return nil, nil
	}
	return r.Open, nil
}
