// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"caisson/audit"
)

// recordPrinter prints records as rows of a table, or as lines of JSON.
type recordPrinter struct {
	u     *ui
	json  bool
	table *table
}

func newRecordPrinter(u *ui, asJSON bool) *recordPrinter {
	return &recordPrinter{u: u, json: asJSON, table: u.table()}
}

// print prints a record; a row waits until the table is flushed.
func (p *recordPrinter) print(r *audit.Record) error {
	if p.json {
		return p.u.recordJSON(r)
	}
	if len(p.table.widths) == 0 {
		p.table.row("TIME", "AGENT", "VERDICT", "KIND", "SUBJECT", "RULE", "WHERE")
	}
	p.table.row(r.T.UTC().Format("2006-01-02T15:04:05.000Z"), r.Agent, tint(verdict(r)), kind(r), subject(r), because(r), r.Where)
	return nil
}

// now prints a record at once.
func (p *recordPrinter) now(r audit.Record) error {
	if err := p.print(&r); err != nil {
		return err
	}
	p.table.flush()
	return p.u.flush()
}

// verdict is the policy's verdict, with a word more where the kernel did otherwise.
func verdict(r *audit.Record) string {
	switch {
	case r.Verdict == audit.VerdictAllow && r.Enforced == audit.EnforcedDeny:
		return r.Verdict + " (denied)"
	case r.Verdict != "" && r.Verdict != audit.VerdictAllow && r.Enforced == audit.EnforcedAllow:
		return r.Verdict + " (allowed)"
	case r.Enforced == audit.EnforcedHeld:
		return r.Verdict + " (held)"
	case r.Enforced == audit.EnforcedObserved:
		return r.Verdict + " (observed)"
	}
	return r.Verdict
}

// kind is what a record is about, with the operation where that says more.
func kind(r *audit.Record) string {
	text := string(r.Kind)
	if r.Op == "" || text == r.Op || strings.HasSuffix(text, "."+r.Op) {
		return text
	}
	return text + "/" + r.Op
}

// because is the rule that decided, or else the reason.
func because(r *audit.Record) string {
	if r.Rule != "" {
		return r.Rule
	}
	return r.Reason
}

// subject is what a record is about, in one line.
func subject(r *audit.Record) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}

	add(r.Path)
	if r.Path2 != "" {
		parts = append(parts, "->", r.Path2)
	}
	parts = append(parts, r.Argv...)
	if r.Proto != "" && r.Path == "" {
		add(r.Proto)
	}
	if r.Addr != "" {
		add(net.JoinHostPort(r.Addr, strconv.Itoa(int(r.Port))))
	}
	if r.Host != "" {
		add("(" + r.Host + ")")
	}
	for _, cause := range slices.Sorted(maps.Keys(r.Counts)) {
		add(fmt.Sprintf("%s=%d", cause, r.Counts[cause]))
	}
	add(r.Text)
	if r.Actor != nil {
		add(fmt.Sprintf("by uid %d, pid %d", r.Actor.UID, r.Actor.PID))
	}
	if r.Seal != nil {
		add(fmt.Sprintf("%d records from %s", r.Seal.Records, r.Seal.From.UTC().Format(time.RFC3339)))
	}
	if r.Count > 1 {
		add(fmt.Sprintf("(%d times)", r.Count))
	}
	return strings.Join(parts, " ")
}
