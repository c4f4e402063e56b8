// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
)

// columnWidths are those of the list in a view, without the last one's, which has the rest; 0 is a column that is left out.
type columnWidths [6]int

// widest is the most that each column gets: ID, AGENT, AGE, LEFT, CALLS, RULE.
var widest = columnWidths{8, 20, 7, 7, 5, 20}

// dispensable are the columns to be left out where there is no room, the first one first. The id is none.
var dispensable = []int{4, 2, 5, 3, 1}

// subjectRoom is the least that the subject gets before a column is left out.
const subjectRoom = 24

// widths makes the columns as wide as what is in them.
func (v *view) widths(columns int) columnWidths {
	w := columnWidths{2, 5, 7, 7, 5, 4}
	for _, a := range v.list {
		for i, cell := range map[int]string{0: a.ID, 1: a.Agent, 5: a.Rule} {
			w[i] = min(max(w[i], breadth(escaped(cell))), widest[i])
		}
	}
	for _, i := range dispensable {
		if w.total()+subjectRoom <= columns {
			break
		}
		w[i] = 0
	}
	return w
}

// total is what the columns take, with the mark in front of them.
func (w columnWidths) total() int {
	n := 2
	for _, one := range w {
		if one > 0 {
			n += one + 2
		}
	}
	return n
}

// row aligns the cells of a row; the last one is as long as it is.
func (w columnWidths) row(mark string, cells ...string) string {
	var b strings.Builder
	b.WriteString(mark)
	for i, width := range w {
		if width > 0 {
			b.WriteString(pad(escaped(cells[i]), width) + "  ")
		}
	}
	b.WriteString(escaped(cells[len(w)]))
	return b.String()
}
