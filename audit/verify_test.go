// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestVerifyNoLog(t *testing.T) {
	for name, dir := range map[string]string{"nothing there": filepath.Join(t.TempDir(), "x"), "another directory": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			if _, err := Verify(dir); err == nil {
				t.Error("no error")
			}
			if err := Query(dir, Filter{}, func(Record) error { return nil }); err == nil {
				t.Error("query: no error")
			}
		})
	}
}

func TestVerifyWithoutRecords(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "segments"), 0o700); err != nil {
		t.Fatal(err)
	}
	// The first Open crashed before anything was acknowledged.
	r := mustVerify(t, dir)
	if r.Status != Damaged || r.Records != 0 || !strings.Contains(r.String(), "present through: nothing") {
		t.Errorf("%v", r)
	}
	writeFile(t, filepath.Join(dir, "segments", nameSegment(0, 0)), nil)
	if r := mustVerify(t, dir); r.Status != Damaged || r.Records != 0 {
		t.Errorf("with an empty segment: %v", r)
	}
	// Only a log that once had a record has an ID.
	writeFile(t, filepath.Join(dir, "log.id"), []byte(testLogID+"\n"))
	if r := mustVerify(t, dir); r.Status != Tampered {
		t.Errorf("with an ID: %v", r)
	}
}

func TestVerifyCounts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{})
	for range 3 {
		mustSync(t, l, Record{Kind: KindGap, Agent: "a", Counts: map[string]uint64{"ring_full": 1}})
	}
	mustSync(t, l, Record{Kind: KindExec, Path: `,"kind":"gap"`, Text: `"kind":"gap"`})
	r := mustVerify(t, dir)
	if r.Status != OK || !r.Live || r.Gaps != 3 || r.Records != 5 || r.First != 0 || r.Last != 4 || r.BadSeq != -1 || r.LastTime.IsZero() {
		t.Errorf("%+v", r)
	}
	mustClose(t, l)
	if r := mustVerify(t, dir); r.Live || r.Records != 6 {
		t.Errorf("%+v", r)
	}
}

// An unterminated last line is work in progress while a writer is there, and
// torn when there is none.
func TestVerifyInProgress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{})
	mustSync(t, l, event(0))
	name := segFiles(t, dir)[0]
	b := readFile(t, name)
	writeFile(t, name, append(b[:len(b):len(b)], `{"v":1,"seq":2,`...))
	r := mustVerify(t, dir)
	if r.Status != OK || r.InFlight != 15 || !strings.Contains(r.String(), "in progress: 15 bytes") {
		t.Errorf("with a writer: %v", r)
	}
	if n := len(mustQuery(t, dir, Filter{})); n != 2 {
		t.Errorf("query gave %d records", n)
	}
	writeFile(t, name, b)
	mustClose(t, l)
	writeFile(t, name, append(b[:len(b):len(b)], `{"v":1,`...)) // as a crash would: no seal
	if r := mustVerify(t, dir); r.Status != Damaged || r.TornTails != 1 || !strings.Contains(r.String(), "not yet recorded") {
		t.Errorf("without: %v", r)
	}
}

func TestReportIsSafeToPrint(t *testing.T) {
	r := Report{Status: Tampered, Log: "\x1b[2J", Problem: "a\nb\u202e", Foreign: []string{"x\x07"}}
	for _, c := range strings.ReplaceAll(r.String(), "\n", "") {
		if hidden(c) {
			t.Errorf("%U in the report", c)
		}
	}
	if got := Status(9).String(); got != "status 9" {
		t.Errorf("unknown status prints as %q", got)
	}
}

// Many goroutines append while others verify and query, across many rolls.
func TestConcurrentUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{SegmentBytes: 20 << 10, Delay: time.Millisecond, AllowDelay: 5 * time.Millisecond, Queue: 16})
	const producers, each = 8, 100
	var writers, readers sync.WaitGroup
	seqs := make([][]uint64, producers)
	for p := range producers {
		writers.Go(func() {
			for i := range each {
				r := event(i)
				r.Run = fmt.Sprint("run-", p)
				if i%10 != 0 {
					if err := l.Append(r); err != nil {
						t.Errorf("append: %v", err)
					}
					continue
				}
				seq, err := l.AppendSync(r)
				if err != nil {
					t.Errorf("append: %v", err)
				}
				seqs[p] = append(seqs[p], seq)
			}
		})
	}
	stop := make(chan struct{})
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			r, err := Verify(dir)
			if err != nil || r.Status != OK {
				t.Errorf("verify while writing: %v, %v", r, err)
				return
			}
			if err := Query(dir, Filter{Run: "run-3"}, func(Record) error { return nil }); err != nil {
				t.Errorf("query while writing: %v", err)
				return
			}
			l.Stats()
		}
	})
	writers.Wait()
	if err := l.Flush(); err != nil {
		t.Error(err)
	}
	close(stop)
	readers.Wait()
	mustClose(t, l)
	checkProducers(t, dir, producers, each, seqs)
}

// checkProducers: nothing is lost or doubled, each producer's order is kept,
// and the numbers AppendSync gave are those in the log.
func checkProducers(t *testing.T, dir string, producers, each int, seqs [][]uint64) {
	t.Helper()
	for p := range producers {
		got := mustQuery(t, dir, Filter{Run: fmt.Sprint("run-", p)})
		if len(got) != each {
			t.Fatalf("producer %d: %d records, want %d", p, len(got), each)
		}
		for i, r := range got {
			if want := event(i).Path; r.Path != want {
				t.Fatalf("producer %d: record %d is %s, want %s", p, i, r.Path, want)
			}
			if i%10 == 0 && r.Seq != seqs[p][i/10] {
				t.Errorf("producer %d: record %d has number %d, AppendSync said %d", p, i, r.Seq, seqs[p][i/10])
			}
		}
	}
}

// Close while others append: each gets its record stored or an error.
func TestCloseWhileAppending(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{Queue: 2})
	var mu sync.Mutex
	stored := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if _, err := l.AppendSync(Record{Kind: KindAdmin}); err != nil {
					return
				}
				mu.Lock()
				stored++
				mu.Unlock()
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	mustClose(t, l)
	wg.Wait()
	if got := len(mustQuery(t, dir, Filter{Kind: KindAdmin})); got != stored {
		t.Errorf("%d records, %d acknowledged", got, stored)
	}
}

// A caller may use its record again as soon as Append returned.
func TestAppendKeepsNothing(t *testing.T) {
	d := newMemDir()
	l := mustOpenMem(t, d, Options{Delay: never, AllowDelay: never})
	uid := uint32(7)
	r := Record{Kind: KindExec, Verdict: VerdictAllow, Argv: []string{"one"}, UID: &uid, Counts: map[string]uint64{"a": 1}}
	mustAppend(t, l, r)
	r.Argv[0], uid, r.Counts["a"] = "two", 8, 2
	mustClose(t, l)
	got, err := ParseLine([]byte(strings.Split(string(d.files[nameSegment(0, 0)].data), "\n")[1]))
	if err != nil || got.Argv[0] != "one" || *got.UID != 7 || got.Counts["a"] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRollAndSeal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{SegmentBytes: 5000})
	for i := range 40 {
		r := event(i)
		r.Agent = fmt.Sprint("agent-", i%3)
		if i%4 == 0 {
			r.Verdict = VerdictDeny
		}
		mustSync(t, l, r)
	}
	mustClose(t, l)
	seals := mustQuery(t, dir, Filter{Kind: KindSegmentSeal})
	opens := mustQuery(t, dir, Filter{Kind: KindSegmentOpen})
	if len(seals) != len(segFiles(t, dir)) || len(opens) != len(seals)-1 || len(seals) < 3 {
		t.Fatalf("%d segments, %d seals, %d openings", len(segFiles(t, dir)), len(seals), len(opens))
	}
	first := uint64(0)
	for i, s := range seals {
		if s.Seal.Records != s.Seq-first || s.Seal.Verdicts[VerdictDeny] == 0 && i < len(seals)-1 || s.Seal.From.After(s.Seal.To) {
			t.Errorf("seal %d: %+v", i, s.Seal)
		}
		if i < len(opens) {
			o := opens[i].Open
			if len(o.Tails) != 1 || o.Tails[0].Why != EndSealed || o.Tails[0].ValidSeq != s.Seq {
				t.Errorf("opening %d: %+v", i, o)
			}
			first = opens[i].Seq
		}
	}
	if got := seals[0].Seal.Agents; fmt.Sprint(got) != "[agent-0 agent-1 agent-2]" {
		t.Errorf("agents %q", got)
	}
}

func TestRollByAge(t *testing.T) {
	d := newMemDir()
	l := mustOpenMem(t, d, Options{SegmentAge: 5 * time.Millisecond})
	for deadline := time.Now().Add(5 * time.Second); l.Stats().Segment == nameSegment(0, 0); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never rolled")
		}
	}
	mustClose(t, l)
	if r := verifyMem(t, d, false); r.Status != OK {
		t.Errorf("%v", r)
	}
}

// Records that wait for the disk do not keep a segment from ending, and the
// writer does not spin while they wait.
func TestRollByAgeWithRecordsWaiting(t *testing.T) {
	d := newMemDir()
	l := mustOpenMem(t, d, Options{SegmentAge: 40 * time.Millisecond, Delay: never, AllowDelay: never})
	mustAppend(t, l, event(0))
	time.Sleep(100 * time.Millisecond)
	if s := l.Stats(); s.Segment == nameSegment(0, 0) || s.Durable < 1 {
		t.Errorf("%+v", s)
	}
	mustClose(t, l)
	if r := verifyMem(t, d, false); r.Status != OK {
		t.Errorf("%v", r)
	}
}

func TestSummaryIsBounded(t *testing.T) {
	var s summary
	for i := range 200 {
		s.add(&entry{t: time.Unix(int64(i), 0), agent: fmt.Sprintf("agent-%03d", i), verdict: fmt.Sprint("odd", i)})
	}
	s.add(&entry{t: time.Unix(0, 0), agent: strings.Repeat("x", 1000)})
	seal := s.seal(1)
	if len(seal.Agents) != maxAgents || !seal.More || len(seal.Verdicts) != 1 || seal.Records != 201 {
		t.Errorf("%+v", seal)
	}
	if line := encodeOne(Record{Kind: KindSegmentSeal, Seal: seal}); len(line) > MaxLine {
		t.Errorf("line has %d bytes", len(line))
	}
}

func TestStats(t *testing.T) {
	d := newMemDir()
	l := mustOpenMem(t, d, Options{Delay: never, AllowDelay: never})
	s := l.Stats()
	if s.NextSeq != 1 || s.Durable != 0 || s.Segment != nameSegment(0, 0) || s.Batches != 1 || s.Bytes == 0 {
		t.Errorf("%+v", s)
	}
	mustAppend(t, l, event(0))
	if s := l.Stats(); s.Durable != 0 {
		t.Errorf("not synced, but %+v", s)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Durable != 1 || s.NextSeq != 2 || s.Batches != 2 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	if err := l.Flush(); err != nil || l.Stats().Batches != 2 {
		t.Errorf("a flush of nothing: %v, %+v", err, l.Stats())
	}
	mustClose(t, l)
}

// The "dur" of a record never claims more than was on disk.
func TestDurNeverLies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{})
	for i := range 10 {
		seq := mustSync(t, l, event(i))
		mustAppend(t, l, event(i))
		if d := l.Stats().Durable; d < int64(seq) {
			t.Errorf("acknowledged %d, durable %d", seq, d)
		}
	}
	mustClose(t, l)
	for _, r := range mustQuery(t, dir, Filter{}) {
		if r.Dur >= int64(r.Seq) || r.Seq > 0 && r.Dur < 0 {
			t.Errorf("record %d says durable through %d", r.Seq, r.Dur)
		}
	}
}
