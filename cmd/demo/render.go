// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"caisson/audit"
)

// columns of the table; with the gaps they are 120 characters wide. "where" is where the decision was made.
var columns = []struct {
	head  string
	width int
}{
	{"#", 2}, {"agent", 14}, {"what the process really tried", 50}, {"expected", 8}, {"kernel", 7}, {"rule", 20}, {"where", 7},
}

// gap is between two columns.
const gap = "  "

// ANSI colours of what is as expected and of what is not.
const (
	plainText = ""
	green     = "\x1b[32m"
	yellow    = "\x1b[33m"
	red       = "\x1b[31m"
	dim       = "\x1b[2m"
	noColor   = "\x1b[0m"
)

// printer writes the table. The first error of the writer is kept: a demo that nobody sees has shown nothing.
type printer struct {
	w     io.Writer
	color bool
	n     int    // rows so far
	agent string // of the last row
	err   error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// header prints the names of the columns.
func (p *printer) header() {
	var names, rule []string
	for _, c := range columns {
		names = append(names, fit(c.head, c.width))
		rule = append(rule, strings.Repeat("─", c.width))
	}
	p.printf("%s\n%s\n", strings.TrimRight(strings.Join(names, gap), " "), p.paint(dim, strings.Join(rule, gap)))
}

// row prints an attempt and, if something is not as expected, what.
func (p *printer) row(r row) {
	if p.n > 0 && r.agent != p.agent {
		p.printf("\n")
	}
	p.n++
	p.agent = r.agent

	mark, colour := "", outcomeColor(r)
	if len(r.differences) > 0 {
		mark = gap + "DIFFERS"
	}
	cells := []string{fmt.Sprintf("%*d", columns[0].width, p.n), r.agent, r.tried, r.expected, r.did, r.rule, r.where}
	for i, c := range cells {
		cells[i] = fit(c, columns[i].width)
	}
	cells[4] = p.paint(colour, cells[4])
	p.printf("%s%s\n", strings.TrimRight(strings.Join(cells, gap), " "), p.paint(red, mark))
	for _, d := range r.differences {
		p.printf("     %s\n", p.paint(red, audit.Sanitize(d)))
	}
}

func outcomeColor(r row) string {
	switch {
	case len(r.differences) > 0:
		return red
	case r.expected == allow.String():
		return green
	}
	return yellow
}

func (p *printer) paint(colour, s string) string {
	if !p.color || colour == plainText || s == "" {
		return s
	}
	return colour + s + noColor
}

// fit makes a cell exactly as wide as its column; what is cut off is shown to be missing.
func fit(s string, width int) string {
	s = audit.Sanitize(s)
	n := utf8.RuneCountInString(s)
	if n > width {
		return string([]rune(s)[:width-1]) + "…"
	}
	return s + strings.Repeat(" ", width-n)
}

// evidence prints everything that is known about an attempt that differs.
func (p *printer) evidence(o *outcome, records []audit.Record) {
	p.printf("\nthe process: PID %d, exit status %d\n", o.pid, o.exit)
	for _, s := range []struct{ name, text string }{{"output", o.stdout}, {"errors", o.stderr}} {
		for text := range strings.Lines(s.text) {
			p.printf("  %s: %s\n", s.name, audit.Sanitize(strings.TrimRight(text, "\n")))
		}
	}
	p.printf("its records in the audit log: %d\n", len(records))
	for _, r := range records {
		p.printf("  %s\n", audit.Sanitize(recordText(&r)))
	}
}

// recordText is a record on one line.
func recordText(r *audit.Record) string {
	parts := []string{fmt.Sprintf("%d %s", r.Seq, r.Kind)}
	for _, f := range []struct{ name, value string }{
		{"op", r.Op}, {"action", r.Action}, {"path", r.Path}, {"addr", r.Addr}, {"verdict", r.Verdict}, {"enforced", r.Enforced},
		{"rule", r.Rule}, {"reason", r.Reason}, {"where", r.Where}, {"agent", r.Agent}, {"text", r.Text},
	} {
		if f.value != "" {
			parts = append(parts, f.name+"="+f.value)
		}
	}
	if r.Port != 0 {
		parts = append(parts, fmt.Sprintf("port=%d", r.Port))
	}
	return strings.Join(parts, " ")
}
