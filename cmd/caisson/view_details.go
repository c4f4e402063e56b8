// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"caisson/daemon/api"
)

// detailLines are all that is known of the selected request, from the first line that is to be shown.
func (v *view) detailLines(columns, body int, now time.Time) []line {
	a, _ := v.current()
	lines, subject := wrapFacts(a, columns, now)
	if v.width != columns {
		v.width, v.seen, v.top = columns, 0, 0
	}
	v.top = max(min(v.top, len(lines)-body), 0)
	if v.top <= v.seen {
		v.seen = max(v.seen, v.top+body)
	}
	if v.seen >= subject {
		v.read[a.ID] = true
	}
	return lines[v.top:min(v.top+body, len(lines))]
}

// factName is the column of the names of facts.
const factName = 11

// wrapFacts are all that is known of a request, broken into lines, and how many of them the subject takes.
func wrapFacts(a api.Approval, columns int, now time.Time) (lines []line, subject int) {
	for _, f := range append([]fact{{"request", a.ID}}, facts(a, now)...) {
		name := f.name
		for _, part := range fold(escaped(f.value), columns-factName) {
			lines = append(lines, line{text: pad(name, factName) + part})
			name = ""
		}
		if f.name == "subject" {
			subject = len(lines)
		}
	}
	if len(a.Processes) > 0 {
		lines = append(lines, line{text: "processes"})
	}
	for _, p := range ancestry(a.Processes) {
		for _, part := range fold(p, columns) {
			lines = append(lines, line{text: part})
		}
	}
	return lines, subject
}
