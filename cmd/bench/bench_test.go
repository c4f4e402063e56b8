// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"caisson/policy"
)

// sample is a report in which every target is kept, exactly.
func sample() report {
	return report{Kernel: "6.12.0", Costs: []cost{
		{whoBare, "open", 8000}, {whoFloor, "open", 8100}, {whoLandlock, "open", 10000}, {whoOutsider, "open", 8230},
		{whoFew, "open", 10000}, {whoMany, "open", 11000},
		{whoBare, "exec", 1_000_000}, {whoFew, "exec", 1_030_000}, {whoMany, "exec", 1_133_000},
		{whoBare, "connect", 10_000}, {whoFew, "connect", 11_000}, {whoMany, "connect", 12_100},
	}}
}

func TestCheck(t *testing.T) {
	if err := check([]report{sample()}, new(bytes.Buffer)); err != nil {
		t.Errorf("a report that keeps every target: %v", err)
	}
	for i := range sample().Costs {
		worse := sample()
		worse.Costs[i].Instructions *= 1.01
		if base := worse.Costs[i].Who == whoBare || worse.Costs[i].Who == whoFloor || worse.Costs[i].Who == whoLandlock; base {
			worse.Costs[i].Instructions /= 1.02
		}
		if err := check([]report{worse}, new(bytes.Buffer)); err == nil {
			t.Errorf("%s, %s: one percent worse, and not noticed", worse.Costs[i].Who, worse.Costs[i].What)
		}
		lacking := sample()
		lacking.Costs[i].What = "nothing"
		if err := check([]report{lacking}, new(bytes.Buffer)); err == nil {
			t.Errorf("%s: not measured, and not noticed", lacking.Costs[i].Who)
		}
	}
}

// Every target is measured by a quick run.
func TestTargetsAreMeasured(t *testing.T) {
	all := append(append(append(subjectsBefore, subjectsFloor...), subjectsLoaded...), subjectsAfter...)
	planned := map[string]bool{}
	for _, s := range all {
		for _, what := range s.what {
			planned[s.who+what] = true
		}
	}
	for _, target := range targets {
		if !planned[target.who+target.what] || !planned[target.base+target.what] {
			t.Errorf("%s: nobody measures it", target.text)
		}
	}
}

func TestRender(t *testing.T) {
	var b bytes.Buffer
	if err := render([]report{sample(), sample()}, &b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| 10 rules | 10,000 | +2000 (1.250) | 10,000 | +2000 (1.250) |",
		"| an agent's exec costs at most 1.03 times an unconfined one | 1,030,000 | 1,030,000 | kept | 1,030,000 | 1,030,000 | kept |",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
}

// The policies load, and have as many rules as their names say.
func TestPolicies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	if err := writePolicies(dir, &world{self: "/usr/bin/bench", listener: l}); err != nil {
		t.Fatal(err)
	}
	for agent, want := range map[string]int{agentFew: 10, agentGlobs: 10, agentMany: 10_000} {
		b, err := os.ReadFile(filepath.Join(dir, agent+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := policy.Parse(agent, b)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Rules) != want {
			t.Errorf("%s: %d rules, want %d", agent, len(p.Rules), want)
		}
	}
}
