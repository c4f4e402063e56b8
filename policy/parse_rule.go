// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// rule reads one rule.
func (p *parser) rule(n *yaml.Node) Rule {
	const what = "a rule"
	rule := Rule{File: p.file, Pos: position(n)}
	f := p.mapping(n, what, ruleFields)
	if f == nil {
		return rule
	}

	if v := p.require(n, f, what, "name"); v != nil {
		rule.Name = p.text(v, "name")
		p.ruleName(rule.Name, position(v))
	}
	if v := f["description"]; v != nil {
		rule.Description = p.describe(v)
	}
	known, decided := false, false
	if v := p.require(n, f, what, "action"); v != nil {
		rule.Action, known = p.action(v)
	}
	if v := p.require(n, f, what, "effect"); v != nil {
		rule.Effect, decided = p.effect(v)
	}
	if v := f["conditions"]; v != nil {
		rule.When = p.conditions(v, rule.Action, known)
	}
	if v := f["descendants"]; v != nil {
		rule.Descendants = p.descendants(v)
		if known && rule.Action != ShellExec || decided && rule.Effect != Allow {
			p.fail(position(v), "remove it", "descendants belongs to rules with action shell_exec and effect ALLOW")
		}
	}
	rule.Approval = p.approval(f, rule.Effect, decided)
	if v := f["expires"]; v != nil {
		rule.Expires = p.expires(v)
	}
	if v := f["schedule"]; v != nil {
		rule.Schedule = p.schedule(v)
	}
	return rule
}

// ruleName checks a rule's name and remembers it.
func (p *parser) ruleName(name string, pos Pos) {
	if name == "" {
		return
	}
	if strings.HasPrefix(name, "baseline:") {
		p.fail(pos, "choose another name", "names that start with \"baseline:\" belong to the built-in rules")
	}
	if len(name) > maxRuleName || strings.ContainsFunc(name, control) {
		p.fail(pos, fmt.Sprintf("use at most %d bytes of printable text", maxRuleName), "%.40q is not a rule name", name)
	}
	if first, dup := p.names[name]; dup {
		p.fail(pos, "rule names are unique within a policy", "rule name %q is already used at %s", name, first)
		return
	}
	p.names[name] = place{p.file, pos}
}

// control says whether a character would do something to a terminal.
func control(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || hidden(r) }

// describe reads a description.
func (p *parser) describe(n *yaml.Node) string {
	s := p.text(n, "description")
	if len(s) > maxDescription || strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && control(r) }) {
		p.fail(position(n), fmt.Sprintf("use at most %d bytes of printable text", maxDescription), "the description is too long, or not text")
	}
	return s
}

// action reads an action's name.
func (p *parser) action(n *yaml.Node) (Action, bool) {
	i := p.choice(n, "action", actionNames[:])
	return Action(max(i, 0)), i >= 0
}

// effect reads an effect's name.
func (p *parser) effect(n *yaml.Node) (Effect, bool) {
	s := p.text(n, "effect")
	if s == "" {
		return Deny, false
	}
	e, ok := parseEffect(s)
	if !ok {
		p.fail(position(n), "use ALLOW, DENY or REQUIRE_APPROVAL"+meant(s, effectNames[:Defer]), "unknown effect %q", s)
	}
	return e, ok
}

// descendants reads whether what the program starts may run, too.
func (p *parser) descendants(n *yaml.Node) bool {
	return p.choice(n, "descendants", []string{"allow"}) == 0
}

// expires reads an instant.
func (p *parser) expires(n *yaml.Node) time.Time {
	// Without quotes YAML takes it for a date of its own.
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		p.fail(position(n), "write it as 2026-12-31T23:59:59Z", "expires must be a date, not %s", kindName(n))
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, n.Value)
	if err != nil || t.IsZero() {
		p.fail(position(n), "write date, time and zone, as 2026-12-31T23:59:59Z", "%q is no RFC 3339 date", n.Value)
	}
	return t.UTC()
}

// schedule reads windows of the week.
func (p *parser) schedule(n *yaml.Node) []Window {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fail(position(n), "write a list, as [ { days: [mon], from: \"09:00\", until: \"17:30\" } ]",
			"schedule must be a list of windows, not %s", kindName(n))
		return nil
	}
	if len(n.Content) > maxWindows {
		p.fail(position(n.Content[maxWindows]), "", "a schedule has at most %d windows", maxWindows)
		return nil
	}
	var list []Window
	for _, item := range n.Content {
		list = append(list, p.window(item))
	}
	return list
}

// window reads one window of the week.
func (p *parser) window(n *yaml.Node) (w Window) {
	f := p.mapping(n, "a window", windowFields)
	if f == nil {
		return w
	}
	w.Days = [7]bool{true, true, true, true, true, true, true}
	if v := f["days"]; v != nil {
		w.Days = p.days(v)
	}
	if v := p.require(n, f, "a window", "from"); v != nil {
		w.From = p.clock(v, "from", day-time.Minute)
	}
	if v := p.require(n, f, "a window", "until"); v != nil {
		w.Until = p.clock(v, "until", day)
	}
	return w
}

// days reads a list of days of the week.
func (p *parser) days(n *yaml.Node) (days [7]bool) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fail(position(n), "write a list, as [mon, tue], or leave days out for all", "days must be a list of days, not %s", kindName(n))
		return days
	}
	for _, item := range n.Content {
		if i := p.choice(item, "day", weekdays[:]); i >= 0 {
			if days[i] {
				p.fail(position(item), "remove one of them", "%s stands twice in days", weekdays[i])
			}
			days[i] = true
		}
	}
	return days
}

// clock reads a time of the day, at most the latest one.
func (p *parser) clock(n *yaml.Node, what string, latest time.Duration) time.Duration {
	s := p.text(n, what)
	if s == "" {
		return 0
	}
	h, m := 0, 0
	// Sscanf alone would take blanks and signs, too.
	count, err := fmt.Sscanf(s, "%02d:%02d", &h, &m)
	at := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if err != nil || count != 2 || s != fmt.Sprintf("%02d:%02d", h, m) || m > 59 || h < 0 || m < 0 || at > latest {
		hint := "write hours and minutes in UTC, as \"09:30\""
		if what == "until" {
			hint += "; the end of the day is \"24:00\""
		}
		p.fail(position(n), hint, "%s %q is no time of the day", what, s)
		return 0
	}
	return at
}

// alternatives writes words as "a, b or c".
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// meant suggests the nearest known word, as the end of a hint.
func meant(s string, known []string) string {
	if k := nearest(s, known); k != "" && !slices.Contains(known, s) {
		return fmt.Sprintf("; did you mean %s?", k)
	}
	return ""
}
