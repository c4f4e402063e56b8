// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// counts writes a map in the order of its keys, so that equal records are
// equal bytes. A key that is not valid UTF-8 puts all keys in base64.
func (e *encoder) counts(name string, m map[string]uint64) {
	if len(m) == 0 {
		return
	}
	keys := slices.Sorted(maps.Keys(m))
	if e.max > 0 {
		left := e.max
		for i, k := range keys {
			// 24: quotes, colon, comma and the longest number.
			if left -= len(k) + 24; left < 0 {
				keys = keys[:i]
				e.cut = append(e.cut, name)
				break
			}
		}
	}
	put := appendString
	if slices.ContainsFunc(keys, func(k string) bool { return !utf8.ValidString(k) }) {
		name += "_b64"
		put = func(b []byte, s string) ([]byte, bool) { return appendBase64(b, s), true }
	}
	e.name(name)
	e.b = append(e.b, '{')
	for i, k := range keys {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b, _ = put(e.b, k)
		e.b = append(e.b, ':')
		e.b = strconv.AppendUint(e.b, m[k], 10)
	}
	e.b = append(e.b, '}')
}

// seal writes the summary of a segment. Its size is bounded by the 64 agents
// it lists, so it is never cut.
func (e *encoder) seal(s *SegmentSeal) {
	if s == nil {
		return
	}
	e.name("seal")
	e.b = append(e.b, `{"records":`...)
	e.b = strconv.AppendUint(e.b, s.Records, 10)
	e.b = append(e.b, `,"bytes":`...)
	e.b = strconv.AppendInt(e.b, s.Bytes, 10)
	e.b = append(e.b, `,"from":`...)
	e.b = appendTime(e.b, s.From)
	e.b = append(e.b, `,"to":`...)
	e.b = appendTime(e.b, s.To)
	e.list("agents", s.Agents)
	if s.More {
		e.b = append(e.b, `,"more":true`...)
	}
	e.counts("verdicts", s.Verdicts)
	e.b = append(e.b, '}')
}

// appendOpen appends the "open" field.
func appendOpen(b []byte, o *SegmentOpen) []byte {
	b = append(b, `,"open":{"log":`...)
	b, _ = appendString(b, o.Log)
	b = append(b, `,"tails":[`...)
	for i := range o.Tails {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTail(b, &o.Tails[i])
	}
	return append(b, "]}"...)
}

func appendTail(b []byte, t *SegmentTail) []byte {
	b = append(b, `{"prev_seg":"`...)
	b = append(b, t.PrevSeg...)
	b = append(b, '"')
	if t.ValidBytes > 0 {
		b = append(b, `,"valid_seq":`...)
		b = strconv.AppendUint(b, t.ValidSeq, 10)
	}
	b = append(b, `,"valid_bytes":`...)
	b = strconv.AppendInt(b, t.ValidBytes, 10)
	b = append(b, `,"torn_bytes":`...)
	b = strconv.AppendInt(b, t.TornBytes, 10)
	if t.TornSHA256 != "" {
		b = append(b, `,"torn_sha256":"`...)
		b = append(b, t.TornSHA256...)
		b = append(b, '"')
	}
	b = append(b, `,"why":"`...)
	b = append(b, t.Why...)
	b = append(b, '"')
	if t.Err != "" {
		b = append(b, `,"err":`...)
		b, _ = appendString(b, clip(t.Err+" ", min(len(t.Err), maxErr)))
	}
	return append(b, '}')
}

// maxErr bounds the error text in a tail.
const maxErr = 200
