// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Colours, as the parameters of SGR.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

// tinted is a cell with a colour.
type tinted struct {
	text  string
	color string
}

// tint gives verdicts and states of checks their colour.
func tint(s string) tinted {
	switch s {
	case "ALLOW", "ok", "enforced", "per-run":
		return tinted{s, green}
	case "DENY", "FAIL", "denied":
		return tinted{s, red}
	case "REQUIRE_APPROVAL", "unknown", "observed":
		return tinted{s, yellow}
	}
	return tinted{s, ""}
}

// maxWidth is the widest that a column is made; a longer cell pushes the rest of its own row aside and no other's.
const maxWidth = 72

// table aligns columns. Rows wait until flush; widths never shrink, so a table may be flushed row by row.
type table struct {
	u      *ui
	indent string
	widths []int
	rows   [][]tinted
}

// table begins a table; without titles it has no head.
func (u *ui) table(titles ...any) *table {
	t := &table{u: u}
	if len(titles) > 0 {
		t.row(titles...)
	}
	return t
}

// row adds a row of values; an empty one is shown as "-".
func (t *table) row(values ...any) {
	row := make([]tinted, len(values))
	for i, v := range values {
		cell, ok := v.(tinted)
		if !ok {
			cell.text = fmt.Sprint(clean([]any{v})...)
		} else {
			cell.text = fmt.Sprint(clean([]any{cell.text})...)
		}
		if cell.text == "" {
			cell.text = "-"
		}
		row[i] = cell

		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		// The last column needs no width.
		if n := utf8.RuneCountInString(cell.text); i < len(values)-1 && n <= maxWidth {
			t.widths[i] = max(t.widths[i], n)
		}
	}
	t.rows = append(t.rows, row)
}

// flush prints the rows that wait.
func (t *table) flush() {
	for _, row := range t.rows {
		var b strings.Builder
		b.WriteString(t.indent)
		for i, cell := range row {
			pad := ""
			if i < len(row)-1 {
				pad = strings.Repeat(" ", max(t.widths[i]-utf8.RuneCountInString(cell.text), 0)+2)
			}
			b.WriteString(t.u.paint(cell) + pad)
		}
		t.u.text(b.String() + "\n")
	}
	t.rows = t.rows[:0]
}

// paint is the text of a cell, coloured on a terminal.
func (u *ui) paint(c tinted) string {
	if !u.color || c.color == "" {
		return c.text
	}
	return "\x1b[" + c.color + "m" + c.text + "\x1b[0m"
}
