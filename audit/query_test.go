// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestQuery(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{SegmentBytes: 2000})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 12 {
		r := Record{T: at.Add(time.Duration(i) * time.Hour), Kind: KindFileOpen, Agent: "a", Run: "r1", Action: "file_read", Verdict: VerdictAllow, Rule: "one", Text: fmt.Sprint(i)}
		if i%2 == 1 {
			r.Agent, r.Verdict, r.Rule = "b\xff", VerdictDeny, "two \"quoted\""
		}
		if i%3 == 2 {
			r.Kind, r.Action, r.Run = KindExec, "shell_exec", "r2"
		}
		// Looks like another agent to a careless search.
		r.Path = `","agent":"nobody"`
		mustSync(t, l, r)
	}
	mustClose(t, l)
	for _, tc := range []struct {
		name string
		f    Filter
		want string
	}{
		{"agent", Filter{Agent: "a"}, "[0 2 4 6 8 10]"},
		{"agent whose name is not UTF-8", Filter{Agent: "b\xff"}, "[1 3 5 7 9 11]"},
		{"part of an agent's name", Filter{Agent: "b"}, "[]"},
		{"nobody", Filter{Agent: "nobody"}, "[]"},
		{"effect", Filter{Effect: VerdictDeny}, "[1 3 5 7 9 11]"},
		{"action", Filter{Action: "shell_exec"}, "[2 5 8 11]"},
		{"rule with quotes", Filter{Rule: "two \"quoted\""}, "[1 3 5 7 9 11]"},
		{"run", Filter{Run: "r2"}, "[2 5 8 11]"},
		{"kind", Filter{Kind: KindExec}, "[2 5 8 11]"},
		{"two fields", Filter{Agent: "a", Run: "r2"}, "[2 8]"},
		{"since", Filter{Action: "file_read", Since: at.Add(9 * time.Hour)}, "[9 10]"},
		{"until", Filter{Agent: "a", Until: at.Add(4 * time.Hour)}, "[0 2]"},
		{"limit", Filter{Agent: "a", Limit: 2}, "[0 2]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := []string{}
			for _, r := range mustQuery(t, dir, tc.f) {
				got = append(got, r.Text)
			}
			if fmt.Sprint(got) != tc.want {
				t.Errorf("got %v, want %s", got, tc.want)
			}
		})
	}
	stop := errors.New("stop")
	if err := Query(dir, Filter{}, func(Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of the callback: %v", err)
	}
}

// follow runs Tail until n records came and returns their texts.
func follow(t *testing.T, dir string, f Filter, start Start, n int, while func()) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	done := make(chan error, 1)
	go func() {
		f.Limit = n
		done <- Tail(ctx, dir, f, start, func(r Record) error { got = append(got, r.Text); return nil })
	}()
	while()
	if err := <-done; err != nil {
		t.Fatalf("tail: %v after %q", err, got)
	}
	return got
}

func texts(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func TestTail(t *testing.T) {
	for _, tc := range []struct {
		name  string
		start func(seq5 uint64) Start
		want  []string
	}{
		{"from the first", func(uint64) Start { return Start{} }, texts(0, 60)},
		{"from a number", func(s uint64) Start { return Start{Seq: s} }, texts(5, 60)},
		{"the last three", func(uint64) Start { return Start{Last: 3} }, texts(27, 60)},
		{"more than there are", func(uint64) Start { return Start{Last: 1000} }, texts(0, 60)},
		{"only new ones", func(uint64) Start { return Start{Now: true} }, texts(30, 60)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "log")
			l := mustOpen(t, dir, Options{SegmentBytes: 3000})
			var seq5 uint64
			put := func(i int) {
				seq := mustSync(t, l, Record{Kind: KindAdmin, Text: fmt.Sprint(i)})
				if i == 5 {
					seq5 = seq
				}
			}
			for i := range 30 {
				put(i)
			}
			got := follow(t, dir, Filter{Kind: KindAdmin}, tc.start(seq5), len(tc.want), func() {
				time.Sleep(3 * tailPoll)
				for i := 30; i < 45; i++ {
					put(i)
				}
				// A new writer in between must not be noticed.
				mustClose(t, l)
				l = mustOpen(t, dir, Options{SegmentBytes: 3000})
				for i := 45; i < 60; i++ {
					put(i)
				}
			})
			mustClose(t, l)
			if !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// Records written again after an error are shown once.
func TestTailAcrossPoisonedSegment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	var fail atomic.Bool
	l := mustOpen(t, dir, Options{Wrap: func(d Dir) Dir { return syncFault{d, &fail} }})
	mustSync(t, l, Record{Kind: KindAdmin, Text: "0"})
	got := follow(t, dir, Filter{Kind: KindAdmin}, Start{}, 4, func() {
		time.Sleep(2 * tailPoll)
		fail.Store(true)
		for i := 1; i < 4; i++ {
			mustSync(t, l, Record{Kind: KindAdmin, Text: fmt.Sprint(i)})
		}
	})
	if l.Stats().Poisoned != 1 {
		t.Errorf("%+v", l.Stats())
	}
	mustClose(t, l)
	if !slices.Equal(got, texts(0, 4)) {
		t.Errorf("got %q", got)
	}
	if r := mustVerify(t, dir); r.Status != Damaged || r.TornTails != 1 {
		t.Errorf("%v", r)
	}
}

// syncFault makes one sync fail late, so that readers see what was written.
type syncFault struct {
	Dir
	fail *atomic.Bool
}

func (d syncFault) Create(name string) (File, error) {
	f, err := d.Dir.Create(name)
	return syncFaultFile{f, d.fail}, err
}

type syncFaultFile struct {
	File
	fail *atomic.Bool
}

func (f syncFaultFile) Sync() error {
	if f.fail.CompareAndSwap(true, false) {
		time.Sleep(3 * tailPoll)
		return errDisk
	}
	return f.File.Sync()
}

func TestTailStopsAtDamage(t *testing.T) {
	dir := copyDir(t, threeSegments(t))
	edit(t, segFiles(t, dir)[1], func(l [][]byte) [][]byte { l[2][300] ^= 1; return l })
	var bad *DamageError
	n := 0
	err := Tail(t.Context(), dir, Filter{}, Start{}, func(Record) error { n++; return nil })
	if !errors.As(err, &bad) || bad.Segment != filepath.Base(segFiles(t, dir)[1]) || n != int(bad.Seq) {
		t.Errorf("%v after %d records", err, n)
	}
}

func TestTailEnds(t *testing.T) {
	dir := threeSegments(t)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := Tail(ctx, dir, Filter{}, Start{Last: 2}, func(Record) error {
		if n++; n == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 2 {
		t.Errorf("cancelled: %v after %d records", err, n)
	}
	stop := errors.New("stop")
	if err := Tail(t.Context(), dir, Filter{}, Start{}, func(Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of the callback: %v", err)
	}
}
