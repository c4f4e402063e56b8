// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// costRules makes a policy of n rules, half of them globs, of which the last covers costPath.
func costRules(t testing.TB, n int) *Image {
	t.Helper()
	var lines []string
	for i := range n / 2 {
		lines = append(lines,
			fmt.Sprintf("ALLOW starts_with /data/project%d/src", i),
			fmt.Sprintf("DENY glob /data/project%d/**/*.pem", i))
	}
	return compiled(t, filePolicy(t, append(lines, "ALLOW glob /srv/work/*/src/*.go/**")...), Env{})
}

const costPath = "/srv/work/caisson/src/x.go/part"

func TestRunDoesNotAllocate(t *testing.T) {
	m := costRules(t, 10)
	exec := Subject{Action: ShellExec, Names: byteNames([]string{"usr"}), Args: byteNames([]string{"x"})}
	unix := Subject{Action: Network, Proto: ProtoUnix, Names: byteNames([]string{"run", "x.sock"})}
	for _, s := range []Subject{writing(t, costPath), exec, unix, connection(ProtoTCP, "10.0.0.1", 80)} {
		if n := testing.AllocsPerRun(100, func() { m.Run(s) }); n != 0 {
			t.Errorf("%s: %v allocations", s.Action, n)
		}
	}
}

// runTime is how long one run takes, as the least of some measurements: what else the machine does only makes it longer.
func runTime(m *Image, s Subject) time.Duration {
	const runs = 2000
	start := time.Now()
	for range runs {
		m.Run(s)
	}
	return time.Since(start) / runs
}

// A decision costs what its path costs, whatever the number of rules.
func TestCostDoesNotGrowWithRules(t *testing.T) {
	few, many := costRules(t, 10), costRules(t, 10000)
	s := writing(t, costPath)
	for _, m := range []*Image{few, many} {
		if got := m.Run(s); got.Effect != Allow {
			t.Fatalf("got %+v", got)
		}
	}

	// Both are measured in turns, so that each meets the same machine. A run that was interrupted says nothing.
	var with, without []time.Duration
	for range 301 {
		without = append(without, runTime(few, s))
		with = append(with, runTime(many, s))
	}
	slices.Sort(with)
	slices.Sort(without)
	least := float64(with[len(with)/10]) / float64(without[len(without)/10])
	median := float64(with[len(with)/2]) / float64(without[len(without)/2])
	t.Logf("10 rules: %v, 10,000 rules: %v, ratio %.2f (of medians %.2f)", without[len(without)/10], with[len(with)/10], least, median)
	if min(least, median) > 1.3 {
		t.Errorf("10,000 rules take %.2f times as long as 10", min(least, median))
	}
}

func BenchmarkRun(b *testing.B) {
	for _, n := range []int{10, 10000} {
		m := costRules(b, n)
		for _, path := range []string{costPath, "/data/project4/src/a/b/c", "/data/project1/x/y/z/key.pem", "/nothing/here"} {
			s := writing(b, path)
			b.Run(fmt.Sprintf("rules=%d%s", n, path), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					m.Run(s)
				}
			})
		}
	}
}
