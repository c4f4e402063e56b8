// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"caisson/policy"
)

// shownRule is a rule and what it means on this host.
type shownRule struct {
	Number      int           `json:"number"` // from 1, in the order in which rules are tried
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Action      policy.Action `json:"action"`
	Effect      policy.Effect `json:"effect"`
	Condition   string        `json:"condition"` // in words; "any": every subject of the action
	When        *shownExpr    `json:"when"`      // as a tree; null: every subject of the action
	Here        []string      `json:"here"`      // per condition on a path or command that names a place: the location it means
	Descendants bool          `json:"descendants,omitempty"`
	Expires     string        `json:"expires,omitempty"`
	Schedule    []string      `json:"schedule,omitempty"`
	Active      bool          `json:"active"` // false: it has expired, or no window is open
	Baseline    bool          `json:"baseline"`
	Deferred    string        `json:"deferred,omitempty"` // why the kernel cannot match all of it
	At          string        `json:"at"`                 // file:line:col, or "baseline"
}

// shownExpr is a condition as a tree: one of its parts is there.
type shownExpr struct {
	Field string       `json:"field,omitempty"`
	Op    string       `json:"op,omitempty"`
	Value string       `json:"value,omitempty"`
	All   []*shownExpr `json:"all,omitempty"`
	Any   []*shownExpr `json:"any,omitempty"`
	Not   *shownExpr   `json:"not,omitempty"`
}

// showExpr makes the tree.
func showExpr(e *policy.Expr) *shownExpr {
	if e == nil {
		return nil
	}
	if e.Kind == policy.Test {
		return &shownExpr{Field: e.Test.Field, Op: e.Test.Op, Value: e.Test.Value}
	}
	var subs []*shownExpr
	for _, sub := range e.Sub {
		subs = append(subs, showExpr(sub))
	}
	switch e.Kind {
	case policy.All:
		return &shownExpr{All: subs}
	case policy.Any:
		return &shownExpr{Any: subs}
	}
	return &shownExpr{Not: subs[0]}
}

// placedOps are the operators whose values name a place, which the host may have elsewhere.
var placedOps = []string{"equals", "starts_with", "glob"}

func showRule(index int, r policy.Rule, env policy.Env) shownRule {
	s := shownRule{Number: index + 1, Name: r.Name, Description: r.Description, Action: r.Action, Effect: r.Effect, Baseline: r.Baseline,
		Condition: r.When.String(), When: showExpr(r.When), Here: []string{}, Descendants: r.Descendants, Active: r.Active(time.Now()), At: rulePlace(&r)}
	if !r.Expires.IsZero() {
		s.Expires = r.Expires.UTC().Format(time.RFC3339)
	}
	for _, w := range r.Schedule {
		s.Schedule = append(s.Schedule, windowText(w))
	}
	for _, c := range r.When.Conditions() {
		switch {
		case !slices.Contains(placedOps, c.Op):
		case c.Field == "path" && strings.HasPrefix(c.Value, "/"):
			s.Here = append(s.Here, locate(env, c.Value, c.Op == "glob"))
		case c.Field == "command":
			s.Here = append(s.Here, program(env, c.Value, c.Op == "glob"))
		}
	}
	return s
}

// windowText is a window of a schedule in words.
func windowText(w policy.Window) string {
	var days []string
	for d := time.Sunday; d <= time.Saturday; d++ {
		if w.Days[d] {
			days = append(days, d.String()[:3])
		}
	}
	clock := func(t time.Duration) string { return fmt.Sprintf("%02d:%02d", int(t.Hours()), int(t.Minutes())%60) }
	text := clock(w.From) + "-" + clock(w.Until)
	if len(days) < 7 {
		text = strings.Join(days, " ") + " " + text
	}
	return text
}

// locate is the location that a rule's path means: its literal part as the kernel sees it, the rest as written.
func locate(env policy.Env, path string, glob bool) string {
	names := pathNames(path)
	literal := len(names)
	if glob {
		for i, name := range names {
			if strings.ContainsAny(name, "*?[") {
				literal = i
				break
			}
		}
	}
	// /proc/self means whoever is judged; here it would lead to this process.
	if env.Locate == nil || len(names) > 1 && names[0] == "proc" && names[1] == "self" {
		return "/" + strings.Join(names, "/")
	}

	location, _, err := env.Locate("/" + strings.Join(names[:literal], "/"))
	if err != nil || location == "" {
		return "nowhere"
	}
	for _, name := range names[literal:] {
		location = strings.TrimSuffix(location, "/") + "/" + name
	}
	return location
}

// pathNames splits a rule's path, which is well formed, into its names.
func pathNames(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}

// program is what a command condition's first word means: the file that is really run.
func program(env policy.Env, line string, glob bool) string {
	words := strings.Fields(line)
	if len(words) == 0 || glob && strings.ContainsAny(words[0], "*?[") {
		return line
	}

	path, ok := words[0], strings.HasPrefix(words[0], "/")
	if env.LookPath != nil {
		if found, there := env.LookPath(words[0]); there {
			path, ok = found, true
		}
	}
	if !ok {
		return "not installed"
	}
	words[0] = locate(env, path, false)
	return strings.Join(words, " ")
}
