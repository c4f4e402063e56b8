// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"

	"caisson/audit"
)

const denied = "cat: /data/research/dataset.csv: Permission denied\n"

// good is an attempt with witnesses that agree: one that must be refused, one that must be allowed, a launch that must be
// refused, and a process that is no agent.
type good struct {
	attempt attempt
	outcome outcome
	records []audit.Record
}

func goodDenial() good {
	return good{
		attempt{agent: coding, want: deny, reason: noRule, about: reading(dataset), effect: printed(datasetText)},
		outcome{pid: 7, exit: 1, stderr: denied},
		[]audit.Record{
			{Kind: audit.KindExec, Op: "exec", Action: "shell_exec", Path: "/usr/bin/cat", Verdict: "ALLOW", Enforced: "allow", Where: "kernel", Agent: coding},
			{Kind: audit.KindFileOpen, Op: "open", Action: "file_read", Path: dataset, Verdict: "DENY", Enforced: "deny", Reason: noRule, Where: "kernel", Agent: coding},
		},
	}
}

func goodPermission() good {
	return good{
		attempt{agent: research, want: allow, rule: "allow-data-reads", about: reading(dataset), effect: printed(datasetText)},
		outcome{pid: 7, stdout: datasetText + "\n"},
		[]audit.Record{
			{Kind: audit.KindFileOpen, Op: "open", Action: "file_read", Path: dataset, Verdict: "ALLOW", Enforced: "allow", Rule: "allow-data-reads", Where: "kernel", Agent: research},
		},
	}
}

func goodRefusal() good {
	return good{
		attempt{agent: ghost, via: viaRefuse, want: deny, effect: printed(datasetText)},
		outcome{pid: 7, exit: 125, stderr: "caisson: no policy for agent \"ghost\"\n"},
		[]audit.Record{{Kind: audit.KindAdmin, Verdict: "DENY", Reason: "no policy for agent \"ghost\"", Where: "daemon", PID: 7}},
	}
}

func goodStranger() good {
	return good{
		attempt{agent: nobody, via: viaPlain, want: allow, effect: printed(datasetText)},
		outcome{pid: 7, stdout: datasetText}, nil,
	}
}

func TestCompareAgrees(t *testing.T) {
	tests := []struct {
		name             string
		g                good
		did, rule, where string
	}{
		{"denial", goodDenial(), "EACCES", "no-rule", "kernel"},
		{"permission", goodPermission(), "allowed", "allow-data-reads", "kernel"},
		{"refused launch", goodRefusal(), "not run", "no-policy", "daemon"},
		{"no agent", goodStranger(), "allowed", "(not in the log)", "-"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := tc.g.attempt.compare(&tc.g.outcome, tc.g.records)
			if len(r.differences) > 0 {
				t.Errorf("differences where there are none: %q", r.differences)
			}
			if r.did != tc.did || r.rule != tc.rule || r.where != tc.where {
				t.Errorf("row is %q %q %q, want %q %q %q", r.did, r.rule, r.where, tc.did, tc.rule, tc.where)
			}
		})
	}
}

// TestCompareDiffers spoils one witness at a time; each must be noticed.
func TestCompareDiffers(t *testing.T) {
	tests := []struct {
		name  string
		good  func() good
		spoil func(*good)
		finds string
	}{
		{"read all the same", goodDenial, func(g *good) { g.outcome.stdout = datasetText }, "it happened"},
		{"read, and says so", goodDenial, func(g *good) { g.outcome = outcome{stdout: datasetText} }, "it happened"},
		{"no error", goodDenial, func(g *good) { g.outcome = outcome{} }, "ended with status 0"},
		{"another error", goodDenial, func(g *good) { g.outcome.stderr = "No such file or directory" }, "ended with status 1"},
		{"somebody else's error", goodDenial, func(g *good) { g.outcome.stderr = "Operation not permitted" }, "ended with status 1"},
		{"launch failed", goodDenial, func(g *good) {
			g.outcome = outcome{exit: 126, stderr: "caisson: executing cat: Permission denied"}
		}, "launch failed"},
		{"no record", goodDenial, func(g *good) { g.records = g.records[:1] }, "no record of it"},
		{"record of another file", goodDenial, func(g *good) { g.records[1].Path = readme }, "no record of it"},
		{"record of another action", goodDenial, func(g *good) { g.records[1].Action = "file_write" }, "no record of it"},
		{"log says allowed", goodDenial, func(g *good) { g.records[1].Verdict = "ALLOW" }, "verdict is ALLOW"},
		{"denied on paper only", goodDenial, func(g *good) { g.records[1].Enforced = "allow" }, `answer was "allow"`},
		{"another rule", goodDenial, func(g *good) { g.records[1].Rule = "deny-all" }, `names the rule "deny-all"`},
		{"another reason", goodDenial, func(g *good) { g.records[1].Reason = noPolicy }, "reason is"},
		{"decided elsewhere", goodDenial, func(g *good) { g.records[1].Where = "daemon" }, `decided by "daemon"`},
		{"another agent", goodDenial, func(g *good) { g.records[1].Agent = research }, `gives it to agent "research-agent"`},
		{"approval instead", goodDenial, func(g *good) { g.records[1].Verdict = "REQUIRE_APPROVAL" }, "verdict is REQUIRE_APPROVAL"},

		{"refused", goodPermission, func(g *good) { g.outcome = outcome{exit: 1, stderr: denied} }, "no sign of"},
		{"nothing read", goodPermission, func(g *good) { g.outcome.stdout = "" }, "no sign of"},
		{"refused once on the way", goodPermission, func(g *good) {
			g.records = append([]audit.Record{g.records[0]}, g.records...)
			g.records[0].Enforced, g.records[0].Verdict = "deny", "DENY"
		}, "verdict is DENY"},
		{"allowed by the wrong rule", goodPermission, func(g *good) { g.records[0].Rule = "baseline:proc" }, "names the rule"},
		{"allowed by no rule", goodPermission, func(g *good) { g.records[0].Rule = "" }, "names the rule"},

		{"ghost ran", goodRefusal, func(g *good) { g.outcome = outcome{stdout: datasetText} }, "it happened"},
		{"ghost refused without a word", goodRefusal, func(g *good) { g.outcome.stderr = "caisson: no" }, "caisson did not say"},
		{"ghost refused for another reason", goodRefusal, func(g *good) { g.records[0].Reason = "disk full" }, "because of"},
		{"ghost refused by the kernel", goodRefusal, func(g *good) { g.records[0].Where = "kernel" }, `refused by "kernel"`},
		{"ghost not recorded", goodRefusal, func(g *good) { g.records = nil }, "no record of it"},

		{"stranger recorded", goodStranger, func(g *good) { g.records = goodDenial().records }, "process that is no agent"},
		{"stranger refused", goodStranger, func(g *good) { g.outcome = outcome{exit: 1, stderr: denied} }, "no sign of"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			g := tc.good()
			tc.spoil(&g)
			r := g.attempt.compare(&g.outcome, g.records)
			if !slices.ContainsFunc(r.differences, func(d string) bool { return strings.Contains(d, tc.finds) }) {
				t.Errorf("differences are %q, want %q among them", r.differences, tc.finds)
			}
		})
	}
}

func TestOfProcess(t *testing.T) {
	all := []audit.Record{
		{Seq: 1, Kind: audit.KindAgentStart, PID: 7, Run: "a"},
		{Seq: 2, PID: 8, Run: "a"}, // a child
		{Seq: 3, PID: 8, Run: "b"},
		{Seq: 4, PID: 9},
		{Seq: 5, PID: 7, Run: "a"},
	}
	tests := []struct {
		name string
		pid  int
		want []uint64
	}{
		{"launched, with its child", 7, []uint64{1, 2, 5}},
		{"not launched", 9, []uint64{4}},
		{"unknown", 10, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var got []uint64
			for _, r := range ofProcess(all, tc.pid) {
				got = append(got, r.Seq)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("records %v, want %v", got, tc.want)
			}
		})
	}
}
