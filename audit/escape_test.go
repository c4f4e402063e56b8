// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSanitize(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "/usr/bin/node", "/usr/bin/node"},
		{"umlaut and emoji stay", "größe 🦀", "größe 🦀"},
		{"newline", "a\nb", `a\u000ab`},
		{"escape sequence", "\x1b[2J", `\u001b[2J`},
		{"delete", "a\x7fb", `a\u007fb`},
		{"C1 control", "a\u009bb", `a\u009bb`},
		{"right-to-left override", "a\u202etxt.exe", `a\u202etxt.exe`},
		{"isolate", "\u2066x\u2069", `\u2066x\u2069`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"zero width", "a\u200bb", `a\u200bb`},
		{"tag character", "a\U000e0041b", `a\udb40\udc41b`},
		{"invalid UTF-8", "a\xffb", `a\xffb`},
		{"half a character", "\xc3", `\xc3`},
		{"overlong slash", "\xc0\xaf", `\xc0\xaf`},
		{"replacement character itself stays", "a\ufffdb", "a\ufffdb"},
		{"backslash is doubled", `a\u000a`, `a\\u000a`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Sanitize(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Two different strings must not look the same once they are safe to print.
func TestSanitizeIsInjective(t *testing.T) {
	seen := map[string]string{}
	parts := []string{"", "a", `\`, "\n", `\u000a`, "\xff", `\xff`, "\u202e", `\\`, "\ufffd"}
	for _, a := range parts {
		for _, b := range parts {
			in := a + b
			out := Sanitize(in)
			if other, ok := seen[out]; ok && other != in {
				t.Errorf("%q and %q both become %q", in, other, out)
			}
			seen[out] = in
		}
	}
}

func TestAppendString(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "abc", `"abc"`},
		{"quote and backslash", `a"b\c`, `"a\"b\\c"`},
		{"control", "a\x00b\x1f", `"a\u0000b\u001f"`},
		{"delete", "\x7f", `"\u007f"`},
		{"bidi", "a\u202eb", `"a\u202eb"`},
		{"beyond the basic plane", "\U000e0020", `"\udb40\udc20"`},
		{"ordinary UTF-8", "é€😀", `"é€😀"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := appendString(nil, tc.in)
			if !ok || string(got) != tc.want {
				t.Fatalf("got %s %v, want %s", got, ok, tc.want)
			}
			var back string
			if err := json.Unmarshal(got, &back); err != nil || back != tc.in {
				t.Errorf("reads back as %q, %v", back, err)
			}
		})
	}
	for _, bad := range []string{"\xff", "ok\xc3", "\xed\xa0\x80", "a\xf0\x9f\x98"} {
		if got, ok := appendString([]byte("before"), bad); ok || string(got) != "before" {
			t.Errorf("%q: got %q %v, want it left alone", bad, got, ok)
		}
	}
}

// Every string either reads back through a JSON parser as it was, or is
// refused because it is not UTF-8; and nothing hidden stands in the raw line.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\xff", "\u202e", "\\\"", "\x00\x7f", "é\u0085", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, ok := appendString(nil, s)
		if ok != utf8.ValidString(s) {
			t.Fatalf("accepted %v, valid %v", ok, utf8.ValidString(s))
		}
		if !ok {
			return
		}
		for _, r := range string(b) {
			if hidden(r) {
				t.Fatalf("%U stands in the line", r)
			}
		}
		var back string
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Fatalf("reads back as %q, %v", back, err)
		}
	})
}
