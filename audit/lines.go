// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

var (
	errTorn = errors.New("last line is not terminated")
	errLong = errors.New("line is longer than any record")
)

// lineReader splits a segment into lines. It never holds more than one buffer.
type lineReader struct {
	r   *bufio.Reader
	off int64 // where the next line starts
}

// newLineReader reads from off, at most up to limit unless that is negative.
// The reader stands at off already.
func newLineReader(r io.Reader, off, limit int64) *lineReader {
	if limit >= 0 {
		r = io.LimitReader(r, limit-off)
	}
	return &lineReader{r: bufio.NewReaderSize(r, 4*MaxLine), off: off}
}

// next returns the next line without its newline and where it starts. The
// line is valid until the next call. At the end of whole lines the error is
// io.EOF, after an unterminated one errTorn.
func (l *lineReader) next() (line []byte, off int64, err error) {
	off = l.off
	line, err = l.r.ReadSlice('\n')
	switch {
	case err == nil && len(line) <= MaxLine:
		l.off += int64(len(line))
		return line[:len(line)-1], off, nil
	case err == nil, errors.Is(err, bufio.ErrBufferFull):
		return nil, off, errLong
	case errors.Is(err, io.EOF) && len(line) > 0:
		if len(line) >= MaxLine {
			return nil, off, errLong
		}
		return line, off, errTorn
	}
	return nil, off, err
}

// maxUnsynced bounds what a crash can tear: the writer syncs before more than
// one batch and what opens a segment is on its way to disk.
const maxUnsynced = 256 << 10

// attested looks through the rest of a segment, from the first line that is
// not sound, for proof that record next had been on disk. It returns the
// proof in words, or "" if a crash can explain what is there.
func attested(rest io.Reader, next uint64) (string, error) {
	r := bufio.NewReaderSize(rest, MaxLine)
	h := newHasher()
	total := 0
	for {
		line, err := r.ReadSlice('\n')
		total += len(line)
		if total > maxUnsynced {
			return "more is damaged than a crash can tear", nil
		}
		if err == nil {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			if _, bad := h.check(line); bad == nil {
				if rec, bad := decode(line); bad == nil && rec.Dur >= 0 && uint64(rec.Dur) >= next {
					return "a later record says this one was on disk", nil
				}
			}
			continue
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		return "", err
	}
}
