// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
)

// Each line ends in hashName, 64 hex digits and hashEnd: 75 bytes.
const (
	hashName = `,"hash":"`
	hashEnd  = `"}`
	hashLen  = 2 * sha256.Size
	tailLen  = len(hashName) + hashLen + len(hashEnd)
)

// Each line starts with headName, the sequence number, prevName and 64 hex
// digits, so that order is checked without a JSON parser.
const (
	headName = `{"v":1,"seq":`
	prevName = `,"prev":"`
)

// digest is a hash as it stands in a line.
type digest [hashLen]byte

// zeroDigest is what the first record of a log has for "prev".
var zeroDigest = digest(bytes.Repeat([]byte{'0'}, hashLen))

// leafPrefix makes the hash of a line also its RFC 6962 leaf hash.
var leafPrefix = []byte{0}

// hasher computes line hashes. Not for concurrent use.
type hasher struct {
	h   hash.Hash
	sum [sha256.Size]byte
}

func newHasher() *hasher { return &hasher{h: sha256.New()} }

// line returns the hash of content, a line without its last 75 bytes.
func (h *hasher) line(content []byte) (d digest) {
	h.h.Reset()
	h.h.Write(leafPrefix)
	h.h.Write(content)
	hex.Encode(d[:], h.h.Sum(h.sum[:0]))

	return d
}

// check verifies that line, without its newline, carries its own hash.
func (h *hasher) check(line []byte) (digest, error) {
	if len(line)+1 > MaxLine {
		return digest{}, fmt.Errorf("line is longer than %d bytes", MaxLine)
	}
	n := len(line) - tailLen
	if n < 0 || !bytes.HasPrefix(line[n:], []byte(hashName)) || !bytes.HasSuffix(line, []byte(hashEnd)) {
		return digest{}, fmt.Errorf("line does not end in a hash")
	}
	want := h.line(line[:n])
	if !bytes.Equal(want[:], line[n+len(hashName):len(line)-len(hashEnd)]) {
		return digest{}, fmt.Errorf("line does not match its hash")
	}
	return want, nil
}

// head reads the sequence number and the previous hash of a line.
func head(line []byte) (seq uint64, prev digest, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(headName))
	if !ok {
		return 0, prev, fmt.Errorf("line does not start with %s", headName)
	}
	i := bytes.Index(rest, []byte(prevName))
	if i < 1 || i > 20 || len(rest) < i+len(prevName)+hashLen+1 {
		return 0, prev, fmt.Errorf("line has no sequence number and previous hash")
	}
	seq, err = strconv.ParseUint(string(rest[:i]), 10, 64)
	if err != nil || (i > 1 && rest[0] == '0') {
		return 0, prev, fmt.Errorf("line has a malformed sequence number")
	}
	rest = rest[i+len(prevName):]
	if rest[hashLen] != '"' {
		return 0, prev, fmt.Errorf("line has a malformed previous hash")
	}
	return seq, digest(rest[:hashLen]), nil
}

// chain is a position between two records.
type chain struct {
	next uint64 // sequence number of the next record
	prev digest // hash of the record before it
}

// accept checks that line is the next one and moves past it.
func (c *chain) accept(h *hasher, line []byte) error {
	sum, err := h.check(line)
	if err != nil {
		return err
	}
	seq, prev, err := head(line)
	switch {
	case err != nil:
		return err
	case seq != c.next:
		return fmt.Errorf("record %d stands where %d belongs", seq, c.next)
	case prev != c.prev:
		return fmt.Errorf("record %d does not follow from the record before it", seq)
	}
	c.next, c.prev = seq+1, sum

	return nil
}
