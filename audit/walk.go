// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
)

// DamageError says where a log stops being sound, and why.
type DamageError struct {
	Segment string // file name
	Offset  int64  // in that file, where the line starts
	Seq     uint64 // the record that should be there
	Why     string
}

// Error names the place, the record that should be there, and what is wrong.
func (e *DamageError) Error() string {
	return fmt.Sprintf("segment %s, offset %d, record %d: %s", e.Segment, e.Offset, e.Seq, e.Why)
}

// walker goes through a log from the first record to the last and checks
// every line on the way. It changes nothing and takes no lock.
type walker struct {
	dir  Dir
	live bool   // a writer has the log open
	id   string // log ID every segment must carry; "": whichever the first has
	at   chain
	hash *hasher

	// line is called for each record that counts, in order, with the line
	// as it is stored, valid during the call. An error ends the walk.
	line func(seg *segment, off int64, line []byte) error

	records   uint64
	segments  int
	torn      []SegmentTail // tails that hold bytes which do not count
	inFlight  int64         // bytes of a line being written
	unclaimed *segment      // not the newest, but no later segment names it
	corrupt   *DamageError  // damage the writer found and recorded when it went on
}

// run walks all segments.
func (w *walker) run(l *layout) error {
	w.hash = newHasher()
	w.at = chain{prev: zeroDigest}
	for i, s := range l.segs {
		err := w.segment(s, i >= l.head)
		if err != nil {
			return err
		}
	}
	switch {
	case w.corrupt != nil:
		return w.corrupt
	case w.unclaimed != nil:
		return &DamageError{Segment: w.unclaimed.name, Seq: w.at.next, Why: "no later segment names this one"}
	case len(l.missing) > 0:
		return &DamageError{Segment: l.missing[0], Seq: w.at.next, Why: "a later segment names this one, but it is not there"}
	}
	return nil
}

// segment walks one segment. Only the newest ones may lack an explanation.
func (w *walker) segment(s *segment, newest bool) error {
	f, err := w.dir.Open(s.name)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	defer f.Close()

	w.segments++
	if s.tail == nil && !newest && w.unclaimed == nil {
		w.unclaimed = s
	}
	limit := int64(-1)
	if s.tail != nil {
		limit = s.tail.ValidBytes
	}
	end, bad, err := w.lines(f, s, limit)
	if err != nil {
		return err
	}
	if s.tail != nil {
		return w.explained(f, s, end, bad)
	}
	if bad == nil {
		return nil
	}
	if !newest {
		return bad
	}
	return w.unexplained(f, s, bad)
}

// lines checks the lines of s up to limit. It returns where the sound part
// ends and, if that is not the end, what came then.
func (w *walker) lines(f io.Reader, s *segment, limit int64) (int64, *DamageError, error) {
	lr := newLineReader(f, 0, limit)
	for {
		line, off, err := lr.next()
		if errors.Is(err, io.EOF) {
			return off, nil, nil
		}
		bad := &DamageError{Segment: s.name, Offset: off, Seq: w.at.next}
		if errors.Is(err, errTorn) || errors.Is(err, errLong) {
			bad.Why = err.Error()
			return off, bad, nil
		}
		if err != nil {
			return off, nil, fmt.Errorf("read segment %s: %w", s.name, err)
		}
		if off == 0 {
			bad.Why = w.misfit(s)
		}
		if bad.Why == "" {
			err = w.at.accept(w.hash, line)
			if err != nil {
				bad.Why = err.Error()
			}
		}
		if bad.Why != "" {
			return off, bad, nil
		}
		w.records++
		err = w.line(s, off, line)
		if err != nil {
			return off, nil, err
		}
	}
}

// misfit says what is wrong with s starting here, or "".
func (w *walker) misfit(s *segment) string {
	if s.first > w.at.next && s.open != nil && s.open.corrupt() {
		w.corrupt = cmp.Or(w.corrupt, &DamageError{Segment: s.name, Seq: w.at.next, Why: "records before this segment were lost"})
		w.at.next = s.first
	}
	switch {
	case s.first != w.at.next:
		return fmt.Sprintf("the segment starts at record %d, but %d is next", s.first, w.at.next)
	case s.open == nil:
		return "the segment does not start with a record that opens a segment"
	case w.id == "":
		w.id = s.open.Log
	case s.open.Log != w.id:
		return "the segment belongs to log " + Sanitize(s.open.Log)
	}
	return ""
}

// explained checks s against what a later segment says about it.
func (w *walker) explained(f ReadFile, s *segment, end int64, bad *DamageError) error {
	t := s.tail
	if bad != nil {
		return bad
	}
	damage := func(why string) *DamageError {
		return &DamageError{Segment: s.name, Offset: end, Seq: w.at.next, Why: why}
	}
	if end != t.ValidBytes || (end > 0 && t.ValidSeq != w.at.next-1) {
		return damage("the segment is not as long as a later one says")
	}
	n, sum, err := hashRest(f, end)
	if err != nil {
		return fmt.Errorf("read segment %s: %w", s.name, err)
	}
	same := n == t.TornBytes && sum == t.TornSHA256
	switch {
	case t.Why == EndCorrupt:
		// Reported at the end, so that what was written since can be read.
		w.corrupt = cmp.Or(w.corrupt, damage("records that had been on disk were lost or changed before the next segment was begun"))
		return nil
	case !same && t.Why == EndError:
		// After a failed sync nobody knows what the disk keeps. No record
		// that counts was there: they were written again.
	case !same:
		return damage("the part that does not count has changed since the next segment was begun")
	}
	if n > 0 || t.TornBytes > 0 {
		w.torn = append(w.torn, *t)
	}
	return nil
}

// unexplained decides about damage at the end of the newest segment, which
// no later one could have described yet.
func (w *walker) unexplained(f ReadFile, s *segment, bad *DamageError) error {
	if s.first > w.at.next {
		return bad
	}
	n, sum, err := hashRest(f, bad.Offset)
	if err == nil {
		_, err = f.Seek(bad.Offset, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read segment %s: %w", s.name, err)
	}
	if w.live && bad.Why == errTorn.Error() && n < MaxLine {
		w.inFlight = n
		return nil
	}
	proof, err := attested(f, w.at.next)
	if err == nil && proof == "" {
		proof, err = sealedBefore(f, bad.Offset)
	}
	if err != nil {
		return fmt.Errorf("read segment %s: %w", s.name, err)
	}
	if proof != "" {
		bad.Why += "; not a crash: " + proof
		return bad
	}
	w.torn = append(w.torn, SegmentTail{PrevSeg: s.name, ValidBytes: bad.Offset, ValidSeq: max(w.at.next, 1) - 1, TornBytes: n, TornSHA256: sum})

	return nil
}

// sealedBefore looks at the sound line that ends at off. Nothing is ever
// written after a seal, so a crash cannot have left anything there.
func sealedBefore(f io.ReadSeeker, off int64) (proof string, err error) {
	buf := make([]byte, min(off, MaxLine))
	_, err = f.Seek(off-int64(len(buf)), io.SeekStart)
	if err != nil {
		return "", err
	}
	_, err = io.ReadFull(f, buf)
	if err != nil {
		return "", err
	}
	line := bytes.TrimSuffix(buf, []byte{'\n'})
	if isSeal(line[bytes.LastIndexByte(line, '\n')+1:]) {
		return afterSeal, nil
	}
	return "", nil
}

// openLog opens a log for reading.
func openLog(dir string) (root, segs *osDir, err error) {
	root, err = openDir(dir)
	if err != nil {
		return nil, nil, err
	}
	segs, err = root.sub(segName)
	if err != nil {
		root.Close()
		if os.IsNotExist(err) {
			err = fmt.Errorf("%w (is %s an audit log?)", err, dir)
		}
		return nil, nil, err
	}
	return root, segs, nil
}
