// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// document is docs/performance.md with holes for the numbers.
//
//go:embed performance.md.tmpl
var document string

// render writes the document about some kernels.
func render(reports []report, out io.Writer) error {
	t, err := template.New("performance.md").Funcs(template.FuncMap{"table": table, "targets": targetTable, "work": workTable}).Parse(document)
	if err != nil {
		return fmt.Errorf("document: %w", err)
	}
	if err := t.Execute(out, reports); err != nil {
		return fmt.Errorf("document: %w", err)
	}
	return nil
}

// rows is the order in which subjects stand in a table.
var rows = []string{whoBare, whoAgain, whoFloor, whoLandlock, whoOutsider, whoFew, whoMany, whoGlobs, whoWatched}

// table is the costs of one operation, one row for each subject that was measured, two columns for each kernel.
func table(reports []report, what string) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, r := range reports {
		fmt.Fprintf(&b, " %s | over unconfined |", r.Kernel)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|--:|", len(reports)))
	head := b.Len()
	for _, who := range rows {
		line, measured := "\n| "+who+" |", false
		for i := range reports {
			cost, bare := reports[i].of(who, what), reports[i].of(whoBare, what)
			if cost == 0 {
				line += " | |"
				continue
			}
			measured = true
			line += fmt.Sprintf(" %s | %+.0f (%.3f) |", thousands(cost), cost-bare, cost/bare)
		}
		if measured {
			b.WriteString(line)
		}
	}
	if b.Len() == head {
		return "Not measured in these runs (-quick)."
	}
	return b.String()
}

// workTable is the user and system time of each workload, in millions of instructions.
func workTable(reports []report) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, r := range reports {
		fmt.Fprintf(&b, " %s unconfined | agent | ratio |", r.Kernel)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|--:|--:|", len(reports)))
	for _, w := range workloads {
		fmt.Fprintf(&b, "\n| %s |", w.name)
		for _, r := range reports {
			i := slices.IndexFunc(r.Work, func(o workResult) bool { return o.Name == w.name })
			if i < 0 {
				b.WriteString(" not measured | | |")
				continue
			}
			plain, agent := r.Work[i].Unconfined, r.Work[i].Agent
			fmt.Fprintf(&b, " %d | %d | %.3f |", plain.Milliseconds(), agent.Milliseconds(), float64(agent)/float64(plain))
		}
	}
	return b.String()
}

// targetTable says of each target what was measured and what it allows.
func targetTable(reports []report) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, r := range reports {
		fmt.Fprintf(&b, " %s | at most | |", r.Kernel)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|--:|---|", len(reports)))
	for _, t := range targets {
		fmt.Fprintf(&b, "\n| %s |", t.text)
		for i := range reports {
			r := &reports[i]
			fmt.Fprintf(&b, " %s | %s | %s |", thousands(r.of(t.who, t.what)), thousands(t.bound(r)), t.word(r))
		}
	}
	return b.String()
}

// thousands writes a number with commas.
func thousands(f float64) string {
	s := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
