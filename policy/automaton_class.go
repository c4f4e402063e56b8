// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"slices"
	"strings"

	"caisson/bpf/layout"
)

// nameSort is a sort of names: what bytes they may have, and which of them do not exist.
type nameSort uint8

const (
	sortFiles    nameSort = iota // of files: not empty, no "/", no NUL, neither "." nor ".."
	sortWords                    // no NUL
	sortAbstract                 // of abstract sockets: "@/" and any bytes
)

// Class is the names that match exactly one set of patterns.
type Class struct {
	Mask uint64 // bit i is pattern i
	Name string // the shortest of these names that has no edge of its own, if Real
	Real bool   // the name is known; else the class may be empty, and no subject can be shown for it
}

// Bounds of one search for classes: beyond them the patterns of a node are too entangled, and the search is incomplete.
const (
	maxClassStates   = 1 << 14
	maxClassPatterns = 64
	spareBytes       = 3 // bytes that stand for those no pattern tells apart; several, so that a taken name can be avoided
)

// niceBytes are preferred in the names that are shown.
const niceBytes = "xyzabcdefghijklmnopqrstuvw0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ._-"

// classSearch looks, breadth first, for the shortest name of each class. A state is a set of places of each pattern, and
// also the word itself as long as it may become a taken name.
type classSearch struct {
	patterns []*nameNFA
	sort     nameSort
	taken    []string // sorted: names that do not count
	enough   int
	letters  []byte
	states   []classState
	known    map[string]bool
	found    map[uint64]string
	order    []uint64
}

type classState struct {
	at     string // the sets of places
	parent int32
	letter byte
	size   int16
}

// classesOf are the classes of names that some patterns make of a sort of names, without the taken ones. What is not in the
// list does not exist, if complete. The search ends when it has found enough of them; 0: when there are no more.
func classesOf(patterns []*nameNFA, sort nameSort, taken []string, enough int) (list []Class, complete bool) {
	if len(patterns) > maxClassPatterns {
		return nil, false
	}
	if sort == sortFiles {
		taken = append(slices.Clone(taken), ".", "..")
		slices.Sort(taken)
	}
	s := &classSearch{patterns: patterns, sort: sort, taken: taken, enough: enough, known: map[string]bool{}, found: map[uint64]string{}}
	s.letters = s.alphabet()
	complete = s.run()
	for _, mask := range s.order {
		list = append(list, Class{mask, s.found[mask], true})
	}
	return list, complete
}

// avoiding is a list of classes with names that are not taken. A class for which none is found stays, without a name: that
// there is none has not been shown.
func avoiding(list []Class, patterns []*nameNFA, sort nameSort, taken []string) []Class {
	clash := func(c Class) bool { _, hit := slices.BinarySearch(taken, c.Name); return hit }
	if !slices.ContainsFunc(list, clash) {
		return list
	}
	out, _ := classesOf(patterns, sort, taken, len(list))
	for _, c := range list {
		if !slices.ContainsFunc(out, func(o Class) bool { return o.Mask == c.Mask }) {
			out = append(out, Class{Mask: c.Mask})
		}
	}
	return out
}

// alphabet is one byte for each set of bytes that the patterns do not tell apart, or a few.
func (s *classSearch) alphabet() []byte {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	slices.SortStableFunc(all, func(a, b byte) int { return niceness(a) - niceness(b) })

	count := map[string]int{}
	var out []byte
	for _, c := range all {
		if c == 0 && s.sort != sortAbstract || c == '/' && s.sort == sortFiles {
			continue
		}
		var key []byte
		for _, p := range s.patterns {
			for i := range p.sets {
				if p.sets[i].has(c) {
					key = binary.LittleEndian.AppendUint16(key, uint16(i))
				}
			}
			key = append(key, 0xff, 0xff)
		}
		if count[string(key)]++; count[string(key)] <= spareBytes {
			out = append(out, c)
		}
	}
	return out
}

// niceness orders bytes by how well they read.
func niceness(c byte) int {
	switch i := strings.IndexByte(niceBytes, c); {
	case i >= 0:
		return i
	case c > ' ' && c < 0x7f:
		return len(niceBytes)
	default:
		return len(niceBytes) + 1
	}
}

// run searches; false when it had to stop early.
func (s *classSearch) run() bool {
	start, first := s.start()
	s.states = []classState{{at: start, parent: -1, size: int16(len(first))}}
	for i := 0; i < len(s.states); i++ {
		st := s.states[i]
		word := s.word(i)
		if i > 0 {
			s.meet(st.at, word)
		}
		if len(s.order) == s.enough && s.enough > 0 {
			return true
		}
		if int(st.size) >= layout.MaxName {
			continue
		}
		for _, c := range s.letters {
			at := s.step(st.at, c)
			if key := s.key(at, word+string([]byte{c})); !s.known[key] {
				if len(s.states) >= maxClassStates {
					return false
				}
				s.known[key] = true
				s.states = append(s.states, classState{at, int32(i), c, st.size + 1})
			}
		}
	}
	// The empty name comes last, so that it is shown only where no other is there.
	if s.sort != sortFiles {
		s.meet(start, first)
	}
	return true
}

// start is the state before the first byte that is not the same for all names of the sort.
func (s *classSearch) start() (at, word string) {
	var sets []uint64
	for _, p := range s.patterns {
		set := make([]uint64, p.words())
		set[0] = 1
		sets = append(sets, set...)
	}
	at = packSets(sets)
	if s.sort == sortAbstract {
		word = abstractPrefix
		for i := range len(word) {
			at = s.step(at, word[i])
		}
	}
	return at, word
}

// step moves all patterns by one byte.
func (s *classSearch) step(at string, c byte) string {
	from := make([]uint64, len(at)/8)
	for i := range from {
		from[i] = binary.LittleEndian.Uint64([]byte(at[8*i : 8*i+8]))
	}
	to := make([]uint64, len(from))
	offset := 0
	for _, p := range s.patterns {
		n := p.words()
		p.step(from[offset:offset+n], to[offset:offset+n], c)
		offset += n
	}
	return packSets(to)
}

func packSets(sets []uint64) string {
	out := make([]byte, 0, 8*len(sets))
	for _, w := range sets {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return string(out)
}

// key tells states apart: by the word itself where it may still become a taken name.
func (s *classSearch) key(at, word string) string {
	i, _ := slices.BinarySearch(s.taken, word)
	if i < len(s.taken) && strings.HasPrefix(s.taken[i], word) {
		return at + "=" + word
	}
	return at
}

// word is the word that led to a state.
func (s *classSearch) word(i int) string {
	var b []byte
	for ; s.states[i].parent >= 0; i = int(s.states[i].parent) {
		b = append(b, s.states[i].letter)
	}
	slices.Reverse(b)
	if s.sort == sortAbstract {
		return abstractPrefix + string(b)
	}
	return string(b)
}

// meet remembers a word as the shortest of its class, unless it is no name or taken.
func (s *classSearch) meet(at, word string) {
	mask, offset := uint64(0), 0
	for i, p := range s.patterns {
		n := p.words()
		set := make([]uint64, n)
		for j := range set {
			set[j] = binary.LittleEndian.Uint64([]byte(at[8*(offset+j) : 8*(offset+j)+8]))
		}
		if p.accepts(set) {
			mask |= 1 << i
		}
		offset += n
	}
	if _, known := s.found[mask]; known {
		return
	}
	if _, taken := slices.BinarySearch(s.taken, word); taken {
		return
	}
	s.found[mask] = word
	s.order = append(s.order, mask)
}
