// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"unicode/utf8"
)

// cut marks what is missing at the end of a line.
const cut = "…"

// cells is the most columns that a terminal needs for a character. How wide one is that is not ASCII is the terminal's
// business; none makes it wider than two.
func cells(r rune) int {
	if r < utf8.RuneSelf || r == '…' {
		return 1
	}
	return 2
}

// breadth is the most columns that a text needs.
func breadth(s string) int {
	n := 0
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// fit cuts a text to a number of columns and shows that it has.
func fit(s string, columns int) string {
	if breadth(s) <= columns {
		return s
	}
	if columns < 1 {
		return ""
	}
	return s[:within(s, columns-1)] + cut
}

// pad is fit, with blanks up to the number of columns.
func pad(s string, columns int) string {
	s = fit(s, columns)
	return s + strings.Repeat(" ", max(columns-breadth(s), 0))
}

// tail is the end of a text that fits into a number of columns.
func tail(s string, columns int) string {
	for breadth(s) > columns && s != "" {
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
	}
	return s
}

// fold breaks a text into lines of a number of columns. Nothing is left out.
func fold(s string, columns int) []string {
	var lines []string
	for {
		n := within(s, max(columns, 2))
		lines = append(lines, s[:n])
		if s = s[n:]; s == "" {
			return lines
		}
	}
}

// within is how many bytes of a text fit into a number of columns.
func within(s string, columns int) int {
	for i, r := range s {
		if columns -= cells(r); columns < 0 {
			return i
		}
	}
	return len(s)
}
