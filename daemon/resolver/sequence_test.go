// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func TestSequence(t *testing.T) {
	t0 := time.Unix(1000, 0)
	late := t0.Add(grace)
	tests := []struct {
		name  string
		fresh bool
		feed  func(*Sequence)
		gaps  []Gap
	}{
		{"in order", true, func(s *Sequence) { s.Event(0, 1, t0); s.Event(0, 2, t0) }, nil},
		{"hole", true, func(s *Sequence) { s.Event(0, 1, t0); s.Event(0, 5, t0) }, []Gap{{0, 2, 4}}},
		{"first missing", true, func(s *Sequence) { s.Event(0, 3, t0) }, []Gap{{0, 1, 2}}},
		{"unknown start", false, func(s *Sequence) { s.Event(0, 3, t0); s.Event(0, 4, t0) }, nil},
		{"out of order", true, func(s *Sequence) { s.Event(0, 2, t0); s.Event(0, 1, t0); s.Event(0, 3, t0) }, nil},
		{"part of a hole arrives", true, func(s *Sequence) { s.Event(0, 10, t0); s.Event(0, 5, t0) }, []Gap{{0, 1, 4}, {0, 6, 9}}},
		{"ends of a hole arrive", true, func(s *Sequence) { s.Event(0, 5, t0); s.Event(0, 1, t0); s.Event(0, 4, t0) }, []Gap{{0, 2, 3}}},
		{"a number twice", true, func(s *Sequence) { s.Event(0, 1, t0); s.Event(0, 1, t0) }, nil},
		{"each CPU counts for itself", true, func(s *Sequence) { s.Event(1, 1, t0); s.Event(0, 2, t0) }, []Gap{{0, 1, 1}}},
		{"tail lost", true, func(s *Sequence) { s.Event(0, 1, t0); s.Counted(0, 4, t0) }, []Gap{{0, 2, 4}}},
		{"all lost", true, func(s *Sequence) { s.Counted(3, 2, t0) }, []Gap{{3, 1, 2}}},
		{"nothing counted", true, func(s *Sequence) { s.Counted(3, 0, t0) }, nil},
		{"counted what arrived", true, func(s *Sequence) { s.Event(0, 1, t0); s.Counted(0, 1, t0); s.Counted(0, 0, t0) }, nil},
		{"counted with unknown start", false, func(s *Sequence) { s.Counted(0, 9, t0); s.Event(0, 11, t0) }, []Gap{{0, 10, 10}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := NewSequence(tc.fresh)
			tc.feed(s)
			if early := s.Settle(late.Add(-1)); early != nil {
				t.Errorf("given up before the grace is over: %v", early)
			}
			if got := s.Settle(late); fmt.Sprint(got) != fmt.Sprint(tc.gaps) {
				t.Errorf("gaps %v, want %v", got, tc.gaps)
			}
			if again := s.Settle(late); again != nil {
				t.Errorf("reported twice: %v", again)
			}
		})
	}
}

func TestSequenceBound(t *testing.T) {
	s, now := NewSequence(true), time.Unix(1000, 0)
	for n := range uint64(3 * maxSpans) {
		s.Event(0, 2*n+2, now)
	}
	if got := s.Settle(now); len(got) != 2*maxSpans {
		t.Errorf("%d holes given up at once, want all but %d", len(got), maxSpans)
	}
	if n := len(s.cpus[0].missing); n != maxSpans {
		t.Errorf("%d holes wait", n)
	}
}

func TestResume(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewSequence(true)
	s.Event(0, 1, now)
	s.Event(0, 4, now)

	b, err := json.Marshal(s.State("b"))
	if err != nil {
		t.Fatal(err)
	}
	var st State
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	if st.Boot != "b" {
		t.Errorf("boot %q", st.Boot)
	}

	s = Resume(st, now)
	s.Event(0, 3, now)
	s.Event(0, 7, now)
	s.Event(1, 2, now)
	want := []Gap{{0, 2, 2}, {0, 5, 6}, {1, 1, 1}}
	if got := s.Settle(now.Add(grace)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
}

func TestPending(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewSequence(true)
	s.Event(0, 1, now)
	s.Event(0, 4, now)
	tests := []struct {
		name       string
		cpu        uint32
		seen, want uint64
	}{
		{"two on their way", 0, 4, 2},
		{"and three more", 0, 7, 5},
		{"counters read before the last event", 0, 3, 2},
		{"CPU not heard of", 1, 9, 9},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := s.Pending(tc.cpu, tc.seen); got != tc.want {
				t.Errorf("pending %d, want %d", got, tc.want)
			}
		})
	}
	if s.Settle(now.Add(grace)); s.Pending(0, 4) != 0 {
		t.Error("what was given up is still awaited")
	}
	if got := NewSequence(false).Pending(0, 9); got != 0 {
		t.Errorf("%d pending where nothing is known of the start", got)
	}
}
