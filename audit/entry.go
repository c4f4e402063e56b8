// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"strconv"
	"sync"
	"time"
)

// entry is a record on its way to disk. The caller's goroutine encodes all it
// can, so that the one goroutine that owns the file only chains and hashes,
// and so that nothing of the caller's record is shared with it.
type entry struct {
	buf   []byte // from ,"t": to before ,"dur":, then the body
	split int    // where in buf the body starts
	class class
	seal  bool

	t              time.Time // for the seal
	agent, verdict string

	seq  uint64
	open *SegmentOpen
	done chan error // nil if nobody waits
	user bool       // a caller's, and counted as waiting
	mark bool       // no record: only report when all before it are durable
}

var entries = sync.Pool{New: func() any { return &entry{buf: make([]byte, 0, 1024)} }}

// newEntry encodes r. The clock is read only for what the caller left out.
func newEntry(r *Record, boot string) *entry {
	e := entries.Get().(*entry)
	*e = entry{buf: e.buf[:0], class: classOf(r), seal: r.Kind == KindSegmentSeal, t: r.T, agent: r.Agent, verdict: r.Verdict}
	// A year that RFC 3339 cannot express would make the line unreadable.
	if y := e.t.UTC().Year(); e.t.IsZero() || y < 1 || y > 9999 {
		e.t = time.Now()
	}
	mono := r.Mono
	if mono == 0 {
		mono = bootTime()
	}
	if r.Boot != "" {
		boot = clip(Sanitize(r.Boot)+" ", min(len(r.Boot), 64))
	}
	b := append(e.buf, `,"t":`...)
	b = appendTime(b, e.t)
	b = append(b, `,"boot":`...)
	b, _ = appendString(b, boot) // Sanitize made it UTF-8
	b = append(b, `,"mono":`...)
	b = strconv.AppendUint(b, mono, 10)
	if r.Kseq != nil {
		b = append(b, `,"kseq":{"cpu":`...)
		b = strconv.AppendUint(b, uint64(r.Kseq.CPU), 10)
		b = append(b, `,"n":`...)
		b = strconv.AppendUint(b, r.Kseq.N, 10)
		b = append(b, '}')
	}
	e.split = len(b)
	e.buf = appendBody(b, r)

	return e
}

// appendLine appends the whole line and moves c past it.
func (e *entry) appendLine(b []byte, c *chain, dur int64, h *hasher) []byte {
	start := len(b)
	e.seq = c.next
	b = append(b, headName...)
	b = strconv.AppendUint(b, c.next, 10)
	b = append(b, prevName...)
	b = append(b, c.prev[:]...)
	b = append(b, '"')
	b = append(b, e.buf[:e.split]...)
	if dur >= 0 {
		b = append(b, `,"dur":`...)
		b = strconv.AppendInt(b, dur, 10)
	}
	if e.open != nil {
		b = appendOpen(b, e.open)
	}
	b = append(b, e.buf[e.split:]...)
	c.prev = h.line(b[start:])
	c.next++
	b = append(b, hashName...)
	b = append(b, c.prev[:]...)
	b = append(b, hashEnd...)

	return append(b, '\n')
}

// finish tells whoever waits and gives the buffer back, unless one huge
// record has made it not worth keeping.
func (e *entry) finish(err error) {
	if e.done != nil {
		e.done <- err
		return // the waiter still reads seq
	}
	if cap(e.buf) <= 8<<10 {
		entries.Put(e)
	}
}
