// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	// grace is how long a number may stay out: a task can be preempted between taking its number and writing its event.
	grace = 2 * time.Second
	// maxSpans is how many holes of one CPU may wait for that; with more, the oldest are given up at once.
	maxSpans = 1024
)

// Gap is a hole in the numbers of one CPU's events.
type Gap struct {
	CPU      uint32
	From, To uint64 // both included
}

// Events is how many events are missing.
func (g Gap) Events() uint64 { return g.To - g.From + 1 }

// Sequence finds holes in the kernel's numbering of events. It is not safe for concurrent use.
type Sequence struct {
	first uint64 // number with which a CPU not seen yet begins; 0: whatever comes first
	cpus  map[uint32]*numbers
}

// numbers is one CPU's.
type numbers struct {
	next    uint64 // everything before it was seen or is in missing
	missing []span // ascending
}

type span struct {
	from, to uint64
	since    time.Time // when the hole was noticed
}

// NewSequence begins at number 1 when the counting in the kernel is fresh, else with whatever comes first.
func NewSequence(fresh bool) *Sequence {
	s := &Sequence{cpus: map[uint32]*numbers{}}
	if fresh {
		s.first = 1
	}
	return s
}

func (s *Sequence) cpu(cpu uint32, n uint64) *numbers {
	c := s.cpus[cpu]
	if c == nil {
		c = &numbers{next: cmp.Or(s.first, n)}
		s.cpus[cpu] = c
	}
	return c
}

// Event notes that the event with a number arrived.
func (s *Sequence) Event(cpu uint32, n uint64, now time.Time) {
	c := s.cpu(cpu, n)
	if n < c.next {
		c.arrive(n)
		return
	}
	c.skip(n, now)
	c.next = n + 1
}

// Counted notes that a CPU has counted that many events. It must only be said when the ring buffer is empty: what has not
// arrived by then is missing.
func (s *Sequence) Counted(cpu uint32, seen uint64, now time.Time) {
	c := s.cpu(cpu, seen+1)
	c.skip(seen+1, now)
	c.next = max(c.next, seen+1)
}

// Pending is how many events of a CPU that has counted so many have neither arrived nor been given up.
func (s *Sequence) Pending(cpu uint32, seen uint64) uint64 {
	c := s.cpus[cpu]
	if c == nil && s.first == 0 {
		return 0 // the counting begins with whatever comes first
	}
	if c == nil {
		return seen
	}
	var n uint64
	for _, m := range c.missing {
		n += m.to - m.from + 1
	}
	if seen >= c.next {
		n += seen + 1 - c.next
	}
	return n
}

// skip notes that everything from next to before n is missing.
func (c *numbers) skip(n uint64, now time.Time) {
	if n > c.next {
		c.missing = append(c.missing, span{c.next, n - 1, now})
	}
}

// arrive takes a number out of the hole it left.
func (c *numbers) arrive(n uint64) {
	for i, s := range c.missing {
		if n < s.from || n > s.to {
			continue
		}
		var rest []span
		if s.from < n {
			rest = append(rest, span{s.from, n - 1, s.since})
		}
		if n < s.to {
			rest = append(rest, span{n + 1, s.to, s.since})
		}
		c.missing = slices.Replace(c.missing, i, i+1, rest...)
		return
	}
}

// Settle returns the holes that have been there for so long that nothing will fill them, and forgets them.
func (s *Sequence) Settle(now time.Time) []Gap {
	var gaps []Gap
	for _, cpu := range slices.Sorted(maps.Keys(s.cpus)) {
		c := s.cpus[cpu]
		done := 0
		for i, m := range c.missing {
			if now.Sub(m.since) < grace && len(c.missing)-i <= maxSpans {
				break
			}
			gaps = append(gaps, Gap{cpu, m.from, m.to})
			done = i + 1
		}
		c.missing = slices.Delete(c.missing, 0, done)
	}
	return gaps
}

// State is a sequence as it is kept over a restart of the daemon.
type State struct {
	Boot string         `json:"boot"` // the boot it belongs to
	CPUs map[uint32]CPU `json:"cpus"`
}

// CPU is one CPU's part of a [State].
type CPU struct {
	Next    uint64      `json:"next"`
	Missing [][2]uint64 `json:"missing,omitempty"`
}

// State returns what is known now.
func (s *Sequence) State(boot string) State {
	st := State{Boot: boot, CPUs: map[uint32]CPU{}}
	for cpu, c := range s.cpus {
		kept := CPU{Next: c.next}
		for _, m := range c.missing {
			kept.Missing = append(kept.Missing, [2]uint64{m.from, m.to})
		}
		st.CPUs[cpu] = kept
	}
	return st
}

// Resume continues where another daemon left off. CPUs it had not seen begin at 1.
func Resume(st State, now time.Time) *Sequence {
	s := NewSequence(true)
	for cpu, kept := range st.CPUs {
		c := &numbers{next: kept.Next}
		for _, m := range kept.Missing {
			c.missing = append(c.missing, span{m[0], m[1], now})
		}
		s.cpus[cpu] = c
	}
	return s
}
