// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"caisson/bpf/layout"
)

// NamePattern is a pattern of an image over one name: the name begins with Prefix, ends with Suffix, and has the Middles
// between them, in this order and without overlap.
type NamePattern struct {
	Prefix  string
	Middles []string
	Suffix  string
}

// readPattern reads a pattern's cell.
func readPattern(cell []byte) NamePattern {
	text := cell[patText:]
	take := func(n uint8) string {
		s := string(text[:n])
		text = text[n:]
		return s
	}
	p := NamePattern{Prefix: take(cell[patPrefix])}
	for i := range layout.MaxMiddles {
		n := cell[patMiddle+i]
		if n == 0 {
			break
		}
		p.Middles = append(p.Middles, take(n))
	}
	p.Suffix = take(cell[patSuffix])
	return p
}

// String is the pattern as a glob.
func (p NamePattern) String() string {
	parts := []string{literalGlob(p.Prefix)}
	for _, m := range p.Middles {
		parts = append(parts, literalGlob(m))
	}
	return strings.Join(append(parts, literalGlob(p.Suffix)), "*")
}

// literalGlob is the glob that matches nothing but the text.
func literalGlob(text string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(text)
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(c byte)      { s[c/64] |= 1 << (c % 64) }
func (s *byteSet) has(c byte) bool { return s[c/64]>>(c%64)&1 != 0 }

// nameNFA is a pattern over the bytes of one name. Place i is left towards i+1 by a byte of sets[i], and kept by any byte
// where loop[i]. A name matches when it ends at the last place.
type nameNFA struct {
	sets []byteSet
	loop []bool // one more than sets
}

// newNameNFA makes the automaton of a glob over one name, which is well formed and not "**".
func newNameNFA(glob string) *nameNFA {
	n := &nameNFA{loop: []bool{false}}
	for i := 0; i < len(glob); i++ {
		var set byteSet
		switch glob[i] {
		case '*':
			n.loop[len(n.sets)] = true
			continue
		case '?':
			set = byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
		case '[':
			end := i + strings.IndexByte(glob[i:], ']')
			for c := range 256 {
				if classHas(glob[i+1:end], byte(c)) {
					set.add(byte(c))
				}
			}
			i = end
		default:
			set.add(glob[i])
		}
		n.sets, n.loop = append(n.sets, set), append(n.loop, false)
	}
	return n
}

// words is how many 64-bit words a set of places has.
func (n *nameNFA) words() int { return len(n.loop)/64 + 1 }

// step moves a set of places by one byte.
func (n *nameNFA) step(from, to []uint64, c byte) {
	clear(to)
	for i := range n.loop {
		if from[i/64]>>(i%64)&1 == 0 {
			continue
		}
		if n.loop[i] {
			to[i/64] |= 1 << (i % 64)
		}
		if i < len(n.sets) && n.sets[i].has(c) {
			to[(i+1)/64] |= 1 << ((i + 1) % 64)
		}
	}
}

// accepts says whether a name may end at a set of places.
func (n *nameNFA) accepts(at []uint64) bool {
	last := len(n.loop) - 1
	return at[last/64]>>(last%64)&1 != 0
}

// match says whether the pattern matches a name.
func (n *nameNFA) match(name string) bool {
	at, next := make([]uint64, n.words()), make([]uint64, n.words())
	at[0] = 1
	for i := range len(name) {
		n.step(at, next, name[i])
		at, next = next, at
	}
	return n.accepts(at)
}
