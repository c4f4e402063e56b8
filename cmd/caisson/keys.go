// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// key is one that was pressed: a character, or a name of those below.
type key struct {
	name  keyName
	char  rune
	paste string // with keyPaste
}

type keyName int

const (
	keyChar keyName = iota
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyEnter
	keyEscape
	keyErase
	keyInterrupt // Ctrl-C
	keySuspend   // Ctrl-Z
	keyPaste     // text that was not typed
	keyOther
)

// sequences are what terminals send for keys that are no characters.
var sequences = map[string]keyName{
	"[A": keyUp, "OA": keyUp, "[B": keyDown, "OB": keyDown, "[5~": keyPageUp, "[6~": keyPageDown,
}

var controls = map[byte]keyName{
	'\r': keyEnter, '\n': keyEnter, 0x1b: keyEscape, 0x7f: keyErase, 0x08: keyErase, 0x03: keyInterrupt, 0x1a: keySuspend,
}

const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
	// maxPending bounds a sequence that does not end, in bytes; a longer paste is cut.
	maxPending = 4096
)

// keyDecoder makes keys of what a terminal sends. The beginning of a sequence waits for the rest.
type keyDecoder struct{ rest []byte }

// feed returns the keys that are complete.
func (d *keyDecoder) feed(b []byte) []key {
	d.rest = append(d.rest, b...)
	var out []key
	for len(d.rest) > 0 {
		k, n := decodeKey(d.rest)
		if n == 0 {
			break
		}
		out = append(out, k)
		d.rest = d.rest[n:]
	}
	switch {
	case len(d.rest) <= maxPending:
	case d.pasting():
		d.rest = append([]byte(pasteBegin), d.rest[len(d.rest)-len(pasteEnd):]...) // its end may be there in part
	default:
		d.rest = nil
	}
	return out
}

func (d *keyDecoder) pasting() bool { return bytes.HasPrefix(d.rest, []byte(pasteBegin)) }

// How long the rest of a sequence may take. A key's comes at once, or the key was Escape; a paste's comes over a network.
const (
	keyPatience   = 50 * time.Millisecond
	pastePatience = 2 * time.Second
)

// patience is how long to wait for the rest of what has begun; 0: nothing has.
func (d *keyDecoder) patience() time.Duration {
	switch {
	case len(d.rest) == 0:
		return 0
	case d.pasting():
		return pastePatience
	}
	return keyPatience
}

// giveUp takes what waits for what it would be if nothing followed.
func (d *keyDecoder) giveUp() []key {
	rest := d.rest
	d.rest = nil
	if len(rest) == 1 && rest[0] == 0x1b {
		return []key{{name: keyEscape}}
	}
	return []key{{name: keyOther}}
}

// decodeKey returns the first key and its length; 0: it is not complete.
func decodeKey(b []byte) (key, int) {
	if b[0] == 0x1b {
		return decodeSequence(b)
	}
	if name, ok := controls[b[0]]; ok {
		return key{name: name}, 1
	}
	if b[0] < 0x20 {
		return key{name: keyOther}, 1
	}
	if !utf8.FullRune(b) {
		return key{}, 0
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError || unicode.IsControl(r) {
		return key{name: keyOther}, n
	}
	return key{char: r}, n
}

// decodeSequence is decodeKey for what begins with Escape.
func decodeSequence(b []byte) (key, int) {
	if bytes.HasPrefix(b, []byte(pasteBegin)) {
		text, _, ended := strings.Cut(string(b[len(pasteBegin):]), pasteEnd)
		if !ended {
			return key{}, 0
		}
		return key{name: keyPaste, paste: text}, len(pasteBegin) + len(text) + len(pasteEnd)
	}
	if len(b) < 2 {
		return key{}, 0
	}
	if b[1] != '[' && b[1] != 'O' {
		return key{name: keyEscape}, 1
	}
	for i := 2; i < len(b); i++ {
		if b[i] < 0x40 || b[i] > 0x7e { // parameters, as ECMA-48 has them
			continue
		}
		if name, ok := sequences[string(b[1:i+1])]; ok {
			return key{name: name}, i + 1
		}
		return key{name: keyOther}, i + 1
	}
	return key{}, 0
}
