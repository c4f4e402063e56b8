// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	char := func(s string) (out []key) {
		for _, r := range s {
			out = append(out, key{char: r})
		}
		return out
	}
	named := func(names ...keyName) (out []key) {
		for _, n := range names {
			out = append(out, key{name: n})
		}
		return out
	}
	for _, tc := range []struct {
		name   string
		chunks []string
		want   []key
		rest   []key // when nothing follows
	}{
		{"characters", []string{"aä日"}, char("aä日"), nil},
		{"a character in pieces", []string{"\xe6\x97", "\xa5"}, char("日"), nil},
		{"no character", []string{"\xff", "\u009b"}, named(keyOther, keyOther), nil},
		{"controls", []string{"\r\n\x7f\b\x03\x1a\x01"}, named(keyEnter, keyEnter, keyErase, keyErase, keyInterrupt, keySuspend, keyOther), nil},
		{"arrows", []string{"\x1b[A\x1bOB\x1b[5~\x1b[6~"}, named(keyUp, keyDown, keyPageUp, keyPageDown), nil},
		{"an arrow in pieces", []string{"\x1b", "[", "A"}, named(keyUp), nil},
		{"other keys", []string{"\x1b[15~\x1b[1;5C\x1bOP"}, named(keyOther, keyOther, keyOther), nil},
		{"escape", []string{"\x1b"}, nil, named(keyEscape)},
		{"escape and a key", []string{"\x1ba"}, append(named(keyEscape), char("a")...), nil},
		{"a sequence that does not end", []string{"\x1b[12"}, nil, named(keyOther)},
		{"paste", []string{"\x1b[200~a\rd\x1b[Aq\x1b[201~j"}, append([]key{{name: keyPaste, paste: "a\rd\x1b[Aq"}}, char("j")...), nil},
		{"paste in pieces", []string{"\x1b[20", "0~a", "aa\x1b[2", "01~"}, []key{{name: keyPaste, paste: "aaa"}}, nil},
		{"a long paste", []string{"\x1b[200~" + strings.Repeat("a", 3*maxPending) + "\x1b[20", "1~j"}, append([]key{{name: keyPaste, paste: "aa"}}, char("j")...), nil},
		{"a paste that does not end", []string{"\x1b[200~aaa"}, nil, named(keyOther)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d keyDecoder
			var got []key
			for _, c := range tc.chunks {
				got = append(got, d.feed([]byte(c))...)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if (d.patience() > 0) != (tc.rest != nil) {
				t.Errorf("patience %v", d.patience())
			}
			if tc.rest != nil {
				if got := d.giveUp(); !slices.Equal(got, tc.rest) || d.patience() != 0 {
					t.Errorf("then %+v, want %+v", got, tc.rest)
				}
			}
		})
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b[200~a\x1b[201~\x1b[A"), 3)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		at = min(max(at, 0), len(b))
		var d keyDecoder
		d.feed(b[:at])
		d.feed(b[at:])
		if len(d.rest) > maxPending {
			t.Errorf("%d bytes wait", len(d.rest))
		}
	})
}
