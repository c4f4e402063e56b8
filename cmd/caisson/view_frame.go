// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"caisson/daemon/api"
)

// Less than this cannot hold the list, and what is asked for, and what the keys do.
const (
	minColumns = 30
	minRows    = 10
)

// frame is what the screen is to show. A request's subject that it shows as a whole has been read.
func (v *view) frame(columns, rows int, now time.Time) []line {
	if columns < minColumns || rows < minRows {
		v.body = 0
		return []line{{text: fit(fmt.Sprintf("%dx%d is too small", columns, rows), columns-1)}}
	}

	// The last column stays free: to erase behind a character in it would erase that character.
	columns--
	v.body = rows - 3
	lines := []line{v.head(columns)}
	if v.page == pageDetails {
		lines = append(lines, v.detailLines(columns, v.body, now)...)
	} else {
		lines = append(lines, v.listLines(columns, v.body, now)...)
	}
	for len(lines) < rows-2 {
		lines = append(lines, line{})
	}
	return append(lines, v.foot(columns), line{fit(v.help(columns), columns), bold})
}

// head says how many wait, or that this is not known.
func (v *view) head(columns int) line {
	if v.lost != "" {
		return line{fit("out of date, asking again: "+v.lost, columns), red}
	}
	if len(v.list) == 0 {
		return line{fit(nothingWaits, columns), bold}
	}
	return line{fit(plural(len(v.list), "request")+" to answer", columns), bold}
}

// foot is the message, or the line in which a reason is typed.
func (v *view) foot(columns int) line {
	if v.page != pageReason {
		return line{fit(v.message, columns), yellow}
	}
	prompt := "deny " + escaped(v.selected) + ", reason: "
	return line{prompt + tail(escaped(prose(v.reason)), columns-len(prompt)-1) + "_", yellow}
}

// help says what the keys do, in as much room as there is.
func (v *view) help(columns int) string {
	text, short := "a approve  r for the run  t 15 min  d deny  s details  j/k select  q quit", "a r t approve  d deny  s  q"
	switch v.page {
	case pageDetails:
		text, short = "a approve  r for the run  t 15 min  d deny  j/k scroll  q back", "a r t approve  d deny  q back"
	case pageReason:
		text, short = "Enter denies, with or without a reason  Esc does not", "Enter denies  Esc does not"
	case pageGone:
		text, short = "Enter goes back to the list", "Enter goes on"
	}
	if len(text) > columns {
		return short
	}
	return text
}

// paneRows is how many lines tell of the selected request.
func paneRows(body int) int { return min(max(body/3, 3), 12) }

// listLines are the list and, below it, the selected request.
func (v *view) listLines(columns, body int, now time.Time) []line {
	a, ok := v.current()
	if !ok {
		return nil
	}
	room := body - paneRows(body) - 1 // titles
	v.top = min(max(v.top, v.row()-room+1), v.row())
	v.top = max(min(v.top, len(v.list)-room), 0)

	widths := v.widths(columns)
	lines := []line{{fit(widths.row("  ", "ID", "AGENT", "AGE", "LEFT", "CALLS", "RULE", "SUBJECT"), columns), bold}}
	for i := v.top; i < min(v.top+room, len(v.list)); i++ {
		one := v.list[i]
		mark, style := "  ", ""
		if one.ID == v.selected {
			mark, style = "> ", reverse
		}
		text := widths.row(mark, one.ID, one.Agent, span(now.Sub(one.Since)), span(one.Deadline.Sub(now)), fmt.Sprint(one.Waiting), one.Rule, one.Subject)
		lines = append(lines, line{pad(text, columns), style})
	}
	for len(lines) < room+1 {
		lines = append(lines, line{})
	}
	return append(lines, v.pane(a, columns, paneRows(body))...)
}

// pane is what is asked for, complete if there is room, and why.
func (v *view) pane(a api.Approval, columns, rows int) []line {
	head := fmt.Sprintf("%s  %s  %s", escaped(a.ID), escaped(a.Agent), escaped(attempt(a.Action, a.Op)))
	if a.Quorum > 1 {
		head += "  approved " + escaped(votes(a))
	}
	lines := []line{{fit(head, columns), bold}}

	subject := fold(escaped(a.Subject), columns-2)
	if len(subject) > rows-1 {
		subject = append(subject[:rows-2], "… it is longer: press s")
	} else {
		v.read[a.ID] = true
	}
	for _, s := range subject {
		lines = append(lines, line{text: "  " + s})
	}
	if a.Message != "" && len(lines) < rows {
		lines = append(lines, line{fit("message: "+escaped(prose(a.Message)), columns), yellow})
	}
	return lines
}
