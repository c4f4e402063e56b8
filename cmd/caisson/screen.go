// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
)

// Styles of lines beside colours, as the parameters of SGR.
const (
	bold    = "1"
	reverse = "7"
)

// line is one of the screen, escaped and no wider than it.
type line struct{ text, style string }

// screen draws lines on a terminal. It only writes those that have changed, all in one piece, so that nothing flickers.
type screen struct {
	out           io.Writer
	color         bool
	shown         []line
	columns, rows int
}

// draw makes the screen show the lines, from its first row on; rows without a line are empty.
func (s *screen) draw(lines []line, columns, rows int) error {
	var b strings.Builder
	if columns != s.columns || rows != s.rows {
		b.WriteString("\x1b[2J")
		s.columns, s.rows, s.shown = columns, rows, make([]line, rows)
	}
	for i := range s.shown {
		l := line{}
		if i < len(lines) {
			l = lines[i]
		}
		if s.shown[i] == l {
			continue
		}
		s.shown[i] = l
		fmt.Fprintf(&b, "\x1b[%d;1H%s\x1b[K", i+1, s.paint(l))
	}
	if b.Len() == 0 {
		return nil
	}
	if _, err := io.WriteString(s.out, b.String()); err != nil {
		return fmt.Errorf("writing to the terminal: %w", err)
	}
	return nil
}

// forget makes the next draw write everything.
func (s *screen) forget() { s.columns = 0 }

func (s *screen) paint(l line) string {
	if !s.color || l.style == "" {
		return l.text
	}
	return "\x1b[" + l.style + "m" + l.text + "\x1b[0m"
}
