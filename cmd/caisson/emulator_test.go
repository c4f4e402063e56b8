// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// emulator is as much of a terminal as a screen needs: it places what is written. Anything else that is written shows, so
// that a test sees it.
type emulator struct {
	cells       [][]rune
	row, column int
	rest        string // of a sequence that is not complete
}

func newEmulator(columns, rows int) *emulator {
	e := &emulator{cells: make([][]rune, rows)}
	for i := range e.cells {
		e.cells[i] = []rune(strings.Repeat(" ", columns))
	}
	return e
}

func (e *emulator) text() string {
	var b strings.Builder
	for _, row := range e.cells {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return b.String()
}

func (e *emulator) write(s string) {
	s = e.rest + s
	for s != "" {
		n := e.one(s)
		if n == 0 {
			break
		}
		s = s[n:]
	}
	e.rest = s
}

// one does what the first thing written says, and returns its length; 0: it is not complete.
func (e *emulator) one(s string) int {
	if s[0] != 0x1b {
		if !utf8.FullRuneInString(s) {
			return 0
		}
		r, n := utf8.DecodeRuneInString(s)
		if e.row < len(e.cells) && e.column < len(e.cells[e.row]) {
			e.cells[e.row][e.column] = r
			e.column++
		}
		return n
	}
	end := strings.IndexFunc(s[min(2, len(s)):], func(r rune) bool { return r >= 0x40 && r <= 0x7e })
	if end < 0 {
		return 0
	}
	e.sequence(s[2:2+end], s[2+end])
	return end + 3
}

func (e *emulator) sequence(parameters string, final byte) {
	switch final {
	case 'H':
		row, column, _ := strings.Cut(parameters, ";")
		e.row, _ = strconv.Atoi(row)
		e.column, _ = strconv.Atoi(column)
		e.row, e.column = e.row-1, e.column-1
	case 'K':
		if e.row < len(e.cells) {
			for i := e.column; i < len(e.cells[e.row]); i++ {
				e.cells[e.row][i] = ' '
			}
		}
	case 'J':
		*e = *newEmulator(len(e.cells[0]), len(e.cells))
	case 'm', 'h', 'l':
	default:
		panic("the screen does not know ESC [ " + parameters + string(final))
	}
}
