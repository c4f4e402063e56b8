// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Bounds of one compilation. The time is the processor's, so that what else the machine does is not counted.
const (
	compileTime = 2 * time.Second // for rules that fit
	rebuiltTime = 8 * time.Second // for those that are built several times until they do
	compileHeap = 256 << 20
)

// processorTime is how long the processors have worked for this process.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measured compiles a policy and returns the image, the time it took, and the most the heap held above what it held before.
func measured(t *testing.T, p *Policy) (*Image, time.Duration, uint64) {
	t.Helper()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	start := processorTime(t)
	m, err := Compile(p, Env{})
	took := processorTime(t) - start
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	return m, took, most.Load() - min(before.HeapAlloc, most.Load())
}

// numbered makes rules by a format of their number.
func numbered(t *testing.T, n int, format string) []string {
	t.Helper()
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(format, i)
	}
	return lines
}

func TestCompileManyRules(t *testing.T) {
	cases := []struct{ name, format, path string }{
		{"prefixes", "ALLOW starts_with /data/project%d/src", "/data/project%d/src/x"},
		{"globs", "ALLOW glob /data/project%d/**/*.c", "/data/project%d/a/b/x.c"},
		{"stars", "ALLOW glob /data/*/project%d/test_*_x.go", "/data/q/project%d/test_a_x.go"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m, took, heap := measured(t, filePolicy(t, numbered(t, 10000, tc.format)...))
			t.Logf("%v, %d MiB of heap, %+v", took, heap>>20, m.Stats())
			if took > compileTime || heap > compileHeap {
				t.Errorf("took %v and %d MiB", took, heap>>20)
			}
			for i := range 10000 {
				if got := m.Run(writing(t, fmt.Sprintf(tc.path, i))); got != (Verdict{Effect: Allow, Rule: i}) {
					t.Fatalf("rule %d: got %+v", i, got)
				}
			}
			if len(m.Deferred()) > 0 {
				t.Errorf("deferred: %d rules", len(m.Deferred()))
			}
		})
	}
}

// hostilePolicies are sets of rules whose patterns combine beyond any image.
func hostilePolicies(t *testing.T) map[string]*Policy {
	nested := filePolicy(t, "ALLOW equals /x/known")
	for i := range 400 {
		e := &Expr{Kind: Any}
		for j := range 6 {
			glob := &Expr{Test: Condition{Field: "path", Op: opGlob, Value: fmt.Sprintf("/**/a%d/**/*b%d*", i, j)}}
			part := &Expr{Test: Condition{Field: "path", Op: opContains, Value: fmt.Sprintf("c%d/d%d", j, i)}}
			e.Sub = append(e.Sub, &Expr{Kind: Not, Sub: []*Expr{{Kind: Any, Sub: []*Expr{glob, {Kind: Not, Sub: []*Expr{part}}}}}})
		}
		nested.Rules = append(nested.Rules, Rule{Name: fmt.Sprint("n", i), Action: FileWrite, Effect: RequireApproval, When: e})
	}
	first := "ALLOW equals /x/known"
	return map[string]*Policy{
		"nested double stars":     filePolicy(t, append([]string{first}, numbered(t, 3000, "ALLOW glob /**/a%[1]d/**/b%[1]d/**/c")...)...),
		"patterns behind names":   filePolicy(t, append([]string{first}, numbered(t, 3000, "DENY glob /**/%[1]d*/**/*%[1]d")...)...),
		"crowds with middles":     filePolicy(t, append([]string{first}, numbered(t, 3000, "ALLOW glob /**/*x%[1]d*y*z%[1]d*/*q%[1]d*")...)...),
		"names behind any names":  filePolicy(t, append([]string{first}, numbered(t, 3000, "ALLOW glob /**/dir%d/**")...)...),
		"stars against names":     filePolicy(t, append(append([]string{first}, numbered(t, 2000, "ALLOW glob /*/x%d/*/y")...), numbered(t, 2000, "DENY glob /p%d/**/z")...)...),
		"texts of ten thousand":   filePolicy(t, append([]string{first}, numbered(t, 10000, "ALLOW contains t%d/u")...)...),
		"any and not of patterns": nested,
	}
}

func TestHostilePatternsAreDeferred(t *testing.T) {
	for name, p := range hostilePolicies(t) {
		t.Run(name, func(t *testing.T) {
			m, took, heap := measured(t, p)
			t.Logf("%v, %d MiB of heap, %d rules deferred, %+v", took, heap>>20, len(m.Deferred()), m.Stats())
			if took > rebuiltTime || heap > compileHeap {
				t.Errorf("took %v and %d MiB", took, heap>>20)
			}
			if len(m.Deferred()) == 0 {
				t.Error("nothing is deferred: the test shows nothing")
			}
			if got := m.Run(writing(t, "/x/known")); got != (Verdict{Effect: Allow, Rule: 0}) {
				t.Errorf("a literal rule before all patterns: %+v", got)
			}
			for _, path := range []string{
				"/", "/x", "/a1/b1/c", "/q/a2999/b2999/z/c", "/a7/x/b8/c", "/12x/x12", "/ax1xyz1z/1q1", "/dir5/x", "/s/dir2999", "/p3/x9/q/y",
				"/p3/q/z", "/w/x1999/w/y", "/t5/u", "/att9999/uu", "/c0/d5", "/a3/b0", "/c1/d3/a3/xb1x", "/nothing/of/this/kind/at/all"} {
				s := writing(t, path)
				got, want := m.Run(s), Reference(p, Env{}, s)
				if got != want && !(got.Effect == Defer && m.Deferred()[got.Rule] != "" && (want.Rule < 0 || want.Rule >= got.Rule)) {
					t.Errorf("%s: image %+v, specification %+v", path, got, want)
				}
			}
		})
	}
}

// The rules that are left to user space are chosen so that as few others as possible suffer.
func TestOnlyOffendersAreDeferred(t *testing.T) {
	lines := append(numbered(t, 500, "ALLOW glob /src/p%d/**/*.c"), numbered(t, 3000, "DENY glob /tmp/**/a%[1]d/**/b%[1]d/**/c")...)
	m, _, _ := measured(t, filePolicy(t, lines...))
	for i := range 500 {
		if got := m.Run(writing(t, fmt.Sprintf("/src/p%d/a/b/x.c", i))); got != (Verdict{Effect: Allow, Rule: i}) {
			t.Fatalf("rule %d: %+v", i, got)
		}
	}
	if got := m.Run(writing(t, "/tmp/a2999/b2999/c")); got.Effect != Defer {
		t.Errorf("got %+v", got)
	}
	for rule, why := range m.Deferred() {
		if rule < 500 || why == "" {
			t.Errorf("rule %d is deferred: %q", rule, why)
		}
	}
}

func TestNamesThatDoNotFit(t *testing.T) {
	p := filePolicy(t)
	list := &Expr{Kind: Any}
	tail := strings.Repeat("x", 240) // so long that each name takes five cells
	for i := range 132000 {
		list.Sub = append(list.Sub, &Expr{Test: Condition{Field: "path", Op: opEquals, Value: fmt.Sprintf("/a/%d%s", i, tail)}})
	}
	p.Rules = append(p.Rules, Rule{Name: "too-many", Action: FileRead, Effect: Deny, When: list})
	_, err := Compile(p, Env{})
	if err == nil || err.Error() != `compiling files: policy too large: rule "too-many": the image would have more than 64 MiB (split the policy)` {
		t.Errorf("got %v", err)
	}
}
