// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
)

func TestCells(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		columns    int
		fit, tail  string
		fold       []string
	}{
		{"empty", "", 5, "", "", []string{""}},
		{"short", "abc", 5, "abc", "abc", []string{"abc"}},
		{"just", "abcde", 5, "abcde", "abcde", []string{"abcde"}},
		{"long", "abcdefg", 5, "abcd…", "cdefg", []string{"abcde", "fg"}},
		{"wide", "日本語", 5, "日本…", "本語", []string{"日本", "語"}},
		{"wide in one column", "日", 1, "…", "", []string{"日"}},
		{"no column", "abc", 0, "", "", []string{"ab", "c"}},
		{"combining", "a\u0301b", 5, "a\u0301b", "a\u0301b", []string{"a\u0301b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fit(tc.text, tc.columns); got != tc.fit {
				t.Errorf("fit %q, want %q", got, tc.fit)
			}
			if got := tail(tc.text, tc.columns); got != tc.tail {
				t.Errorf("tail %q, want %q", got, tc.tail)
			}
			got := fold(tc.text, tc.columns)
			if !slices.Equal(got, tc.fold) || strings.Join(got, "") != tc.text {
				t.Errorf("fold %q, want %q", got, tc.fold)
			}
			if p := pad(tc.text, tc.columns); tc.columns > 1 && breadth(p) != tc.columns {
				t.Errorf("pad %q", p)
			}
		})
	}
}
