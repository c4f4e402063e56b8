// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a line of the log.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// hidden reports whether r would move the cursor, change the order of the
// text around it, or not be seen at all.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, // marks
		r >= 0x202a && r <= 0x202e,            // embeddings and overrides
		r >= 0x2066 && r <= 0x2069,            // isolates
		r == 0x2028, r == 0x2029, r == 0xfeff, // separators, byte order mark
		r >= 0x200b && r <= 0x200d, r == 0x2060, // zero width
		r >= 0xe0000 && r <= 0xe007f: // tags
		return true
	}
	return false
}

// appendString appends s as a JSON string and reports whether s was valid
// UTF-8; if it was not, b is returned as it came. Hidden characters are
// escaped, so that a raw log is safe to look at.
func appendString(b []byte, s string) ([]byte, bool) {
	start := len(b)
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[from:i]...)
			b = appendASCII(b, c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return b[:start], false
		}
		if hidden(r) {
			b = append(b, s[from:i]...)
			b = appendHidden(b, r)
			from = i + n
		}
		i += n
	}
	b = append(b, s[from:]...)

	return append(b, '"'), true
}

func appendASCII(b []byte, c byte) []byte {
	if c == '"' || c == '\\' {
		return append(b, '\\', c)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// appendHidden writes r as JSON does: beyond 0xffff as a surrogate pair.
func appendHidden(b []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		b = appendHidden(b, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

func appendBase64(b []byte, s string) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, []byte(s))

	return append(b, '"')
}

// Sanitize makes s safe to print on a terminal. Control characters (C0, DEL,
// C1), bidirectional and zero-width characters become \u escapes, bytes that
// are not UTF-8 become \x escapes, and a backslash is doubled, so that two
// different strings never look the same because of it.
func Sanitize(s string) string {
	clean := true
	for _, r := range s {
		if r == '\\' || r == utf8.RuneError || hidden(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}

	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			out.Write([]byte{'\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15]})
		case r == '\\':
			out.WriteString(`\\`)
		case hidden(r):
			out.Write(appendHidden(nil, r))
		default:
			out.WriteString(s[i : i+n])
		}
		i += n
	}
	return out.String()
}
