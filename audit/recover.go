// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Recovery is what Open found at the end of the log.
type Recovery struct {
	Tails    []SegmentTail // how the segments since the last good one ended, oldest first
	Problems []string      // what a crash does not explain; each is also in the log as integrity.failed
}

// maxTails bounds how many segments without one sound record may pile up, so
// that what opens a segment always fits in a line.
const maxTails = 32

// recovered is where writing goes on.
type recovered struct {
	Recovery
	at     chain
	log    string // ID according to the records; "" if there are none
	resume string // an empty segment that can be used as it is
}

// recoverLog finds the last sound record. It changes nothing: a damaged
// segment stays as evidence, byte for byte. Everything it relies on is synced
// first, because bytes that a dead writer left in the page cache may still be
// lost, and the next segment is about to vouch for them.
func recoverLog(dir Dir) (*recovered, error) {
	all, _, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	rec := &recovered{at: chain{prev: zeroDigest}}
	if n := len(all); n > 0 && all[n-1].size == 0 {
		rec.resume = all[n-1].name
	}
	err = dir.Sync()
	if err != nil {
		return nil, fmt.Errorf("sync segments: %w", err)
	}
	var skipped []*segment
	for _, s := range slices.Backward(all) {
		if s.size == 0 {
			continue
		}
		if len(rec.Tails) == maxTails {
			return nil, fmt.Errorf("recover log: the last %d segments hold no sound record (move the log aside and investigate)", maxTails)
		}
		end, err := inspect(dir, s)
		if err != nil {
			return nil, fmt.Errorf("recover segment %s: %w (check the disk, or move the log aside)", s.name, err)
		}
		rec.add(s, end)
		if end.tail.ValidBytes > 0 {
			rec.at, rec.log = end.at, end.log
			break
		}
		skipped = append(skipped, s)
	}
	slices.Reverse(rec.Tails)
	rec.judge(skipped)

	return rec, nil
}

func (r *recovered) add(s *segment, end *ending) {
	r.Tails = append(r.Tails, end.tail)
	if end.proof != "" {
		r.Problems = append(r.Problems, fmt.Sprintf("segment %s is damaged after byte %d, and not by a crash: %s", s.name, end.tail.ValidBytes, end.proof))
	}
}

// judge looks at the names of segments without a sound record: a segment is
// only made once everything before it is on disk, so its name is a promise.
// Numbers that were given out are not used again.
func (r *recovered) judge(skipped []*segment) {
	for _, s := range slices.Backward(skipped) {
		if s.first <= r.at.next {
			continue
		}
		r.Problems = append(r.Problems, fmt.Sprintf("segment %s exists, but the log before it ends at record %d", s.name, r.at.next))
		for i := range r.Tails {
			if r.Tails[i].PrevSeg == s.name {
				r.Tails[i].Why = EndCorrupt
			}
		}
		r.at.next = s.first
	}
}

// ending is how one segment ended.
type ending struct {
	tail  SegmentTail
	at    chain  // after its last sound record
	log   string // ID of the log
	proof string // why it was not a crash
}

// inspect finds the sound part of segment s and hashes the rest.
func inspect(dir Dir, s *segment) (*ending, error) {
	f, err := dir.Open(s.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = f.Sync()
	if err != nil {
		return nil, err
	}
	end := &ending{tail: SegmentTail{PrevSeg: s.name, Why: EndCrash}, at: chain{next: s.first}}
	sealed, err := end.scan(f, s)
	if err != nil {
		return nil, err
	}
	end.tail.TornBytes, end.tail.TornSHA256, err = hashRest(f, end.tail.ValidBytes)
	if err != nil {
		return nil, err
	}
	if end.tail.TornBytes == 0 {
		if sealed {
			end.tail.Why = EndSealed
		}
		return end, nil
	}
	_, err = f.Seek(end.tail.ValidBytes, io.SeekStart)
	if err != nil {
		return nil, err
	}
	end.proof, err = attested(f, end.at.next)
	if err == nil && end.proof == "" && sealed {
		end.proof = afterSeal
	}
	if end.proof != "" {
		end.tail.Why = EndCorrupt
	}
	return end, err
}

// scan reads up to the first line that is not sound.
func (end *ending) scan(f io.Reader, s *segment) (sealed bool, err error) {
	lr, h := newLineReader(f, 0, -1), newHasher()
	var last []byte
	for {
		line, off, err := lr.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) || errors.Is(err, errLong) {
			break
		}
		if err != nil {
			return false, err
		}
		if off == 0 && !end.begin(line, s) || end.at.accept(h, line) != nil {
			break
		}
		last = append(last[:0], line...)
		end.tail.ValidBytes, end.tail.ValidSeq = lr.off, end.at.next-1
	}
	return isSeal(last), nil
}

// afterSeal is the proof that what follows a seal was not left by a crash.
const afterSeal = "the segment had been sealed"

// isSeal reports whether a sound line is a seal. A string inside a record
// cannot look like one, because its quotes are escaped.
func isSeal(line []byte) bool {
	return bytes.Contains(line, []byte(`,"kind":"segment.seal"`))
}

// begin takes the position of the chain from the first line of s.
func (end *ending) begin(line []byte, s *segment) bool {
	r, err := ParseLine(line)
	if err != nil || r.Seq != s.first || r.Open == nil {
		return false
	}
	_, prev, err := head(line)
	end.at.prev, end.log = prev, r.Open.Log

	return err == nil
}

// hashRest returns the length and the hash of everything from off on; the
// hash is empty if there is nothing.
func hashRest(f io.ReadSeeker, off int64) (int64, string, error) {
	_, err := f.Seek(off, io.SeekStart)
	if err != nil {
		return 0, "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil || n == 0 {
		return 0, "", err
	}
	return n, hex.EncodeToString(h.Sum(nil)), nil
}
