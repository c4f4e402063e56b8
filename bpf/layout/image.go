// SPDX-License-Identifier: Apache-2.0

package layout

import "encoding/binary"

// The decision image is an array of cells. Keep in sync with bpf/image.h, which documents the format.
const (
	// CellSize is the size of one cell, in bytes.
	CellSize = 64
	// ImageMagic is the first word of cell 0: "CSN1" read as little-endian.
	ImageMagic = 0x314e5343
	// ImageVersion is bumped whenever a change makes old bytes mean something else.
	ImageVersion = 2

	// MaxProbes is how many consecutive slots of the edge table may have to be looked at to find an edge.
	MaxProbes = 8
	// MaxPatterns is how many bounded patterns one node may carry; their results form an 8-bit mask.
	MaxPatterns = 8
	// MaxMiddles is how many pieces of text a pattern may have between its prefix and its suffix.
	MaxMiddles = 4
	// MaxPrefixes is how many distinct address prefix lengths one network node may carry.
	MaxPrefixes = 48
	// MaxName is the longest name, in bytes, that an exact edge or a pattern can match (NAME_MAX).
	MaxName = 255
	// InlineName is how many bytes of a name an edge cell holds itself; the rest stands in continuation cells.
	InlineName = 48
	// PatternBytes is how many bytes prefix, middles and suffix of one pattern have together.
	PatternBytes = 58
	// RangesPerCell is how many port ranges one cell holds.
	RangesPerCell = 8
	// MaxRanges is how many ranges the ports can be divided into.
	MaxRanges = 1 << 16
)

// Header flags.
const (
	// ImageObserve says that verdicts are reported and not enforced; the hard floor holds all the same.
	ImageObserve = 1 << 0
)

// Node flags.
const (
	// NodeFinal says that whatever follows, the verdict is this node's: the walk may stop.
	NodeFinal = 1 << 0
	// NodeExact says that the node has exact edges in the table.
	NodeExact = 1 << 1
	// NodePorts says that the node is a [Ports].
	NodePorts = 1 << 2
)

// Kinds of edge. The kind is part of the key, so a name can never be taken for a mask or an address.
const (
	EdgeName   = 1 // name of a file, program or argument word, compared byte by byte
	EdgeMask   = 2 // one byte: which of the node's patterns matched (never 0)
	EdgePrefix = 3 // 17 bytes: prefix length in bits, then the masked IPv6 or v4-mapped address
)

// Start nodes in the header, one per kind of subject. The first NameRoots are walked by the names of a location.
const (
	RootRead  = 0
	RootWrite = 1
	RootExec  = 2
	RootUnix  = 3 // location of a Unix socket; "@/" and an abstract name is one name
	RootTrust = 4 // programs that may go on as the interpreter of an allowed script
	RootTCP   = 5
	RootUDP   = 6
	Roots     = 7
	NameRoots = 5
)

// Header is cell 0.
type Header struct {
	Magic      uint32
	Version    uint16
	Flags      uint16
	Cells      uint32 // cells in the image, this one included
	Nodes      uint32 // cells 1..Nodes are nodes; a node's number is its cell's
	Table      uint32 // first cell of the edge table
	Mask       uint32 // slots in the edge table, a power of two, minus 1
	Seed       uint32 // of the hash
	Generation uint32 // stamped by the daemon before the image is loaded; never 0 in force
	Roots      [Roots]uint32
	Rules      uint32
}

// Node is a cell of the trie.
type Node struct {
	Verdict  uint32 // when the subject ends here
	Next     uint32 // node for a name that no other edge names; 0: no rule can match any more
	Patterns uint32 // first pattern cell
	NPattern uint8
	Flags    uint8
	NPrefix  uint8
	_        uint8
	Prefixes [MaxPrefixes]uint8 // network: prefix lengths in bits, longest first
}

// Edge is a slot of the edge table; Node 0 marks a free slot.
type Edge struct {
	Node uint32
	Next uint32
	More uint32 // first continuation cell of a name longer than InlineName
	Kind uint8
	Len  uint8 // of the name, in bytes
	_    uint16
	Name [InlineName]byte
}

// Pattern matches a name that starts with the prefix, ends with the suffix, and between them holds the middles in order
// without overlap. Text is the prefix, the middles and the suffix. A middle of length 0 is none, and so are all behind it.
type Pattern struct {
	Prefix uint8 // bytes of Text that are the prefix
	Suffix uint8 // bytes of Text, behind all else, that are the suffix
	Middle [MaxMiddles]uint8
	Text   [PatternBytes]byte
}

// Ports is a node from which the port leads on: by the last of its ranges that starts at or below it.
type Ports struct {
	Verdict uint32
	Next    uint32
	Ranges  uint32 // first cell of ranges, sorted by From, the first of them 0
	_       uint8
	Flags   uint8 // NodePorts
	_       uint16
	Count   uint32 // of ranges
	_       [44]byte
}

// Range is an entry of a cell of ranges: the ports from From to the next range's.
type Range struct {
	From uint16
	_    uint16
	Next uint32
}

// Effects, the low two bits of a verdict word.
const (
	EffectDeny    = 0
	EffectAllow   = 1
	EffectApprove = 2 // REQUIRE_APPROVAL
	EffectDefer   = 3 // the image cannot settle it: a pattern that only user space can match comes first
)

// VerdictDescendants is the bit of a verdict word that says: what the program starts may run, unless a rule denies it.
const VerdictDescendants = 1 << 2

// Verdict packs an effect and a rule's index (0-based; -1: no rule) into a verdict word. No rule with DENY is 0.
func Verdict(effect uint32, rule int) uint32 { return effect&3 | uint32(rule+1)<<8 }

// SplitVerdict is the inverse of [Verdict].
func SplitVerdict(word uint32) (effect uint32, rule int) { return word & 3, int(word>>8) - 1 }

// Hash is the edge table's hash over node, kind, length and name. It only chooses where to look first: every hit is
// confirmed by comparing the bytes. Keep in sync with hash_name in bpf/match.h.
func Hash(seed, node uint32, kind uint8, name []byte) uint32 {
	const spread, mix = 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd
	h := uint64(seed)<<32 | uint64(node)
	h ^= (uint64(kind)<<8 | uint64(len(name))) * spread
	for i := 0; i < len(name); i += 8 {
		h = (h ^ word(name[i:])) * mix
		h ^= h >> 32
	}
	h *= mix
	return uint32(h >> 32)
}

// word reads up to 8 bytes as a little-endian number, missing ones as zero. It has no loop, because every name ends with
// such a word: two reads that overlap say the same where they do.
func word(b []byte) uint64 {
	switch n := len(b); {
	case n >= 8:
		return binary.LittleEndian.Uint64(b)
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*(n-4))
	case n > 0:
		return uint64(b[0]) | uint64(b[n/2])<<(8*(n/2)) | uint64(b[n-1])<<(8*(n-1))
	}
	return 0
}
