// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// maxBody bounds what a caller's record may take, so that there is room left
// for what the writer adds: sequence number, hashes and, in the first record
// of a segment, how the segment before it ended.
const maxBody = MaxLine - 1 - tailLen - 1200

// caps are the field lengths tried, in turn, until a record fits. With the
// last one every record does.
var caps = [...]int{4096, 2048, 1024, 512, 256, 64}

// encoder appends the fields of a record. Names are written without the
// closing quote check because they are constants of this package.
type encoder struct {
	b   []byte
	max int      // longest field kept whole; 0: any
	cut []string // fields that were cut
}

// appendBody appends the part of a line between "dur" or "open" and "hash".
func appendBody(b []byte, r *Record) []byte {
	e := encoder{b: b}
	e.body(r)
	for _, n := range caps {
		if len(e.b)-len(b) <= maxBody {
			break
		}
		e = encoder{b: e.b[:len(b)], max: n}
		e.body(r)
	}
	return e.b
}

func (e *encoder) body(r *Record) {
	e.str("agent", r.Agent)
	e.str("run", r.Run)
	e.str("kind", string(r.Kind))
	e.str("action", r.Action)
	e.str("op", r.Op)
	e.str("verdict", r.Verdict)
	e.str("enforced", r.Enforced)
	e.str("rule", r.Rule)
	e.str("reason", r.Reason)
	e.str("where", r.Where)
	e.num("gen", r.Gen)
	e.str("pol", r.Pol)
	e.process(r)
	e.str("path", r.Path)
	e.str("path2", r.Path2)
	e.num("argc", uint64(max(r.Argc, 0)))
	e.list("argv", r.Argv)
	e.str("proto", r.Proto)
	e.str("addr", r.Addr)
	e.num("port", uint64(r.Port))
	e.str("host", r.Host)
	e.num("count", r.Count)
	e.counts("counts", r.Counts)
	e.str("text", r.Text)
	e.actor(r.Actor)
	e.str("ask", r.Ask)
	e.seal(r.Seal)
	if len(e.cut) > 0 {
		cut := e.cut
		e.max = 0
		e.list("cut", cut)
	}
}

func (e *encoder) process(r *Record) {
	e.num("pid", uint64(r.PID))
	e.num("tid", uint64(r.TID))
	e.num("start", r.Start)
	e.num("ppid", uint64(r.PPID))
	if r.UID != nil {
		e.name("uid")
		e.b = strconv.AppendUint(e.b, uint64(*r.UID), 10)
	}
	e.num("cg", r.Cg)
	e.str("comm", r.Comm)
	e.str("exe", r.Exe)
}

func (e *encoder) name(name string) {
	e.b = append(e.b, ',', '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

func (e *encoder) num(name string, n uint64) {
	if n == 0 {
		return
	}
	e.name(name)
	e.b = strconv.AppendUint(e.b, n, 10)
}

func (e *encoder) str(name, s string) {
	if s == "" {
		return
	}
	if e.max > 0 && len(s) > e.max {
		s = clip(s, e.max)
		e.cut = append(e.cut, name)
	}
	start := len(e.b)
	e.name(name)
	var ok bool
	e.b, ok = appendString(e.b, s)
	if !ok {
		e.b = e.b[:start]
		e.name(name + "_b64")
		e.b = appendBase64(e.b, s)
	}
}

// clip shortens s to at most n bytes without splitting a character: half a
// character would turn a readable field into base64.
func clip(s string, n int) string {
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}

// list writes all of list in one form: base64 if one element needs it. When
// cutting, the elements share the bound and each counts for its quotes too.
func (e *encoder) list(name string, list []string) {
	if len(list) == 0 {
		return
	}
	if e.max > 0 {
		kept, left := 0, e.max
		for kept < len(list) && len(list[kept])+3 <= left {
			left -= len(list[kept]) + 3
			kept++
		}
		if kept < len(list) {
			e.cut = append(e.cut, name)
			short := append([]string(nil), list[:kept]...)
			if left > 3 {
				short = append(short, clip(list[kept], min(left-3, len(list[kept])-1)))
			}
			list = short
		}
	}
	put := appendString
	for _, s := range list {
		if !utf8.ValidString(s) {
			name += "_b64"
			put = func(b []byte, s string) ([]byte, bool) { return appendBase64(b, s), true }
			break
		}
	}
	e.name(name)
	e.b = append(e.b, '[')
	for i, s := range list {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b, _ = put(e.b, s)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) actor(a *Actor) {
	if a == nil {
		return
	}
	e.name("actor")
	e.b = append(e.b, `{"uid":`...)
	e.b = strconv.AppendUint(e.b, uint64(a.UID), 10)
	e.b = append(e.b, `,"gid":`...)
	e.b = strconv.AppendUint(e.b, uint64(a.GID), 10)
	e.b = append(e.b, `,"pid":`...)
	e.b = strconv.AppendUint(e.b, uint64(a.PID), 10)
	e.str("user", a.User)
	e.str("tty", a.TTY)
	e.b = append(e.b, '}')
}

// appendTime appends t as the log writes it: UTC, with nanoseconds.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)

	return append(b, '"')
}
