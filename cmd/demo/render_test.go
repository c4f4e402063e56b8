// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"caisson/audit"
)

// screen is how wide the table may be, in characters.
const screen = 120

func TestTableFits(t *testing.T) {
	var b bytes.Buffer
	p := &printer{w: &b}
	p.header()
	all := attempts(testWorld())
	for _, a := range all {
		rule := a.rule
		if rule == "" {
			rule = "(not in the log)"
		}
		p.row(row{agent: a.agent, tried: a.tried, expected: a.want.String(), did: "allowed", rule: rule, where: "kernel"})
	}

	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) != len(all)+2+4 { // header, rule, and a gap before each of the later agents
		t.Errorf("%d lines for %d attempts", len(lines), len(all))
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > screen {
			t.Errorf("%d characters: %s", n, l)
		}
		if strings.Contains(l, "… ") {
			t.Errorf("something is cut off: %s", l)
		}
	}
	if p.err != nil || strings.Contains(b.String(), "\x1b") {
		t.Errorf("plain output has escapes, or an error: %v", p.err)
	}
}

func TestRow(t *testing.T) {
	r := row{agent: "a\x1b[2J", tried: strings.Repeat("é", 60), expected: "deny", did: "EACCES", rule: "r", where: "kernel"}
	tests := []struct {
		name       string
		color      bool
		differs    []string
		has, hasnt []string
	}{
		{"plain", false, nil, []string{" 1  a", strings.Repeat("é", 49) + "…  deny"}, []string{"\x1b", "DIFFERS"}},
		{"coloured", true, nil, []string{yellow + "EACCES "}, []string{"\x1b[2J"}},
		{"differs", false, []string{"bad\x1b[0m news"}, []string{"DIFFERS\n     bad"}, []string{"\x1b"}},
		{"differs in colour", true, []string{"bad"}, []string{red + "EACCES", red + "bad"}, []string{"\x1b[2J"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var b bytes.Buffer
			p := &printer{w: &b, color: tc.color}
			r := r
			r.differences = tc.differs
			p.row(r)
			for _, s := range tc.has {
				if !strings.Contains(b.String(), s) {
					t.Errorf("no %q in %q", s, b.String())
				}
			}
			for _, s := range tc.hasnt {
				if strings.Contains(b.String(), s) {
					t.Errorf("%q in %q", s, b.String())
				}
			}
		})
	}
}

func TestEvidence(t *testing.T) {
	var b bytes.Buffer
	p := &printer{w: &b}
	p.evidence(&outcome{pid: 7, exit: 1, stderr: "one\ntwo\x1b[31m\n"}, []audit.Record{
		{Seq: 3, Kind: audit.KindNetConnect, Addr: "127.0.0.2", Port: 443, Verdict: "DENY", Reason: noRule},
	})
	for _, s := range []string{"PID 7, exit status 1", "errors: one\n", "errors: two", "log: 1\n",
		"3 net.connect addr=127.0.0.2 verdict=DENY reason=no-rule port=443"} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("no %q in %q", s, b.String())
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("what the process printed reaches the terminal as it is: %q", b.String())
	}
}

// broken is an output that is gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestPrinterKeepsTheFirstError(t *testing.T) {
	p := &printer{w: broken{}}
	p.header()
	p.row(row{})
	if p.err == nil || p.err.Error() != "gone" {
		t.Errorf("error is %v", p.err)
	}
}
