// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"caisson/daemon/api"
)

// fact is one thing that is known of a request. The value is yet to be escaped.
type fact struct {
	name  string
	value any
}

// facts are what is known of a request, what it asks for first; absent ones are left out.
func facts(a api.Approval, now time.Time) []fact {
	list := []fact{{"subject", a.Subject}, {"agent", a.Agent}}
	add := func(name string, value any, present bool) {
		if present {
			list = append(list, fact{name, value})
		}
	}

	add("run", a.Run, a.Run != "")
	add("rule", fmt.Sprintf("%s, of generation %d", a.Rule, a.Generation), true)
	add("message", prose(a.Message), a.Message != "")
	add("attempt", attempt(a.Action, a.Op), true)
	add("age", span(now.Sub(a.Since)), true)
	add("deadline", fmt.Sprintf("%s, in %s", clock(a.Deadline, now), span(a.Deadline.Sub(now))), true)
	add("waiting", fmt.Sprintf("%s now, %d so far", plural(a.Waiting, "call"), a.Count), true)
	add("approvers", "members of "+strings.Join(a.Approvers, ", "), len(a.Approvers) > 0)
	add("approved", votes(a), a.Quorum > 1 || len(a.Approved) > 0)
	return list
}

// attempt is what a process tried, in the words of the policy and of the log.
func attempt(action, op string) string {
	if op == "" || op == action {
		return action
	}
	return action + ", " + op
}

// votes says how many users must approve, and who has.
func votes(a api.Approval) string {
	text := fmt.Sprintf("%d of %d", len(a.Approved), max(a.Quorum, 1))
	for i, p := range a.Approved {
		if i == 0 {
			text += ": "
		} else {
			text += ", "
		}
		text += whereFrom(p)
	}
	return text
}

// ancestry is a line of parents as an indented tree, the first of the run on top, one escaped line for each. What the
// processes have chosen is in quotes, so that none of it passes for another part of the line.
func ancestry(line []api.Process) []string {
	out := make([]string, 0, len(line))
	for i := range line {
		p := line[len(line)-1-i]
		text := fmt.Sprintf("%*s%d  %s", 2*(i+1), "", p.PID, quoted(p.Comm))
		if p.Exe != "" {
			text += "  exe " + quoted(p.Exe)
		}
		if p.Command != "" {
			text += "  command " + quoted(p.Command)
		}
		out = append(out, text)
	}
	return out
}

// quoted is text in quotes, escaped.
func quoted(s string) string { return visible(strconv.Quote(s)) }
