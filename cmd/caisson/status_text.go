// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"caisson/daemon/api"
)

// printStatus writes the daemon's state for people.
func printStatus(u *ui, s api.Status) {
	t := u.table()
	t.row("caissond", fmt.Sprintf("%s, pid %d, up %s", s.Version, s.PID, time.Since(s.Started).Round(time.Second)))
	t.row("kernel", "Linux "+s.Kernel)
	t.row("enforcement", enforcement(s))
	t.row("policies", s.Policies+watching(s))
	t.row("audit log", auditState(s.Audit))
	e := s.Events
	t.row("events", fmt.Sprintf("%d seen, %d submitted, %d lost, %d received, %d missing, %d unchecked, %d disagreements",
		e.Seen, e.Submitted, e.Lost, e.Received, e.Missing, e.Unchecked, e.Disagreements))
	t.flush()
	for _, p := range s.Problems {
		u.printf("problem: %s\n", prose(p))
	}

	u.text("\n")
	printAgents(u, s.Agents)
}

// enforcement says how the daemon came to enforce: it does not start where it has not seen a denial.
func enforcement(s api.Status) string {
	if s.Adopted {
		return "proven when the daemon started, which took over what was in force already"
	}
	return "proven when the daemon started"
}

// watching says whether a change of a file needs a reload.
func watching(s api.Status) string {
	if s.Watching {
		return ", watched: changes take effect by themselves"
	}
	return ", not watched"
}

func auditState(a api.Audit) string {
	state := fmt.Sprintf("%s, next record %d, %d on disk", a.Dir, a.Next, a.Durable)
	if a.Error != "" {
		state += ", failed: " + a.Error
	}
	return state
}

// printAgents writes a table of agents, and below it what does not fit into a table.
func printAgents(u *ui, agents []api.Agent) {
	if len(agents) == 0 {
		u.text("no agents\n")
		return
	}

	t := u.table("AGENT", "STATE", "GENERATION", "RULES", "RUNS", "ALLOWED", "DENIED", "OBSERVED", "DIGEST", "FILE")
	for _, a := range agents {
		t.row(a.Agent, tint(a.State), a.Generation, a.Rules, len(a.Runs), a.Allowed, a.Denied, a.Observed, short(a.Digest), a.File)
	}
	t.flush()
	for _, a := range agents {
		if a.Mode == api.ModeObserve {
			u.printf("warning: %s is only observed: nothing that its policy denies is refused\n", a.Agent)
		}
		if a.NextChange != nil {
			u.printf("next change: %s at %s, when a rule begins or ends\n", a.Agent, a.NextChange.UTC().Format(time.RFC3339))
		}
		for _, i := range a.Images {
			u.printf("image: %s for %s, generation %s\n", a.Agent, prose(values(i.Variables)), inForce(i.Generation))
		}
		for _, r := range a.Runs {
			u.printf("run: %s of %s in %s, generation %s%s\n", r.Run, a.Agent, prose(r.Cgroup), inForce(r.Generation), prose(bound(r)))
		}
		if a.Problem != "" {
			u.printf("problem: %s: %s\n", a.Agent, prose(a.Problem))
		}
		for _, n := range a.Notes {
			u.printf("note: %s: %s\n", a.Agent, prose(n))
		}
	}
}

// values are the variables of a run in words.
func values(vars map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		parts = append(parts, name+"="+vars[name])
	}
	return strings.Join(parts, " ")
}

// bound is what the variables of a run stand for, as the end of a sentence.
func bound(r api.Run) string {
	if len(r.Variables) == 0 {
		return ""
	}
	return ", " + values(r.Variables)
}

// inForce is a generation; 0 is none.
func inForce(generation uint32) string {
	if generation == 0 {
		return "none: everything is denied"
	}
	return strconv.FormatUint(uint64(generation), 10)
}

// printSelf writes what an agent is told about itself.
func printSelf(u *ui, s api.Self) {
	t := u.table()
	t.row("agent", s.Agent)
	t.row("run", s.Run)
	policy := "none in force: everything is denied"
	if s.Generation != 0 {
		policy = fmt.Sprintf("generation %d, digest %s", s.Generation, short(s.Digest))
	}
	t.row("policy", policy)
	t.row("decisions", fmt.Sprintf("%d allowed, %d denied", s.Allowed, s.Denied))
	t.flush()
}

// short is the start of a digest, as audit records have it.
func short(digest string) string { return digest[:min(len(digest), 8)] }
