// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// update writes the golden log anew. Only a new format version may need it.
var update = flag.Bool("update", false, "write testdata/v1 anew")

const goldenDir = "testdata/v1"

// before is a full record as it was when the golden log was written: later fields are missing there, and are read as absent.
func before() Record {
	r := full()
	r.Actor, r.Ask = &Actor{PID: 9}, ""
	return r
}

// goldenRecords are the callers' records in the golden log, in order.
func goldenRecords() []Record {
	at := time.Date(2026, 11, 23, 1, 8, 0, 0, time.UTC)
	odd := before()
	odd.Path, odd.Argv, odd.Text = "/tmp/\xff\xfe", []string{"a", "\x80"}, "bidi \u202e, bell \a, quote \""
	long := Record{Kind: KindFileOpen, Verdict: VerdictDeny, Path: "/" + strings.Repeat("long/", 4000)}
	out := []Record{
		{Kind: KindDaemonStart, Text: "caissond 0.1"},
		{Kind: KindPolicyLoad, Agent: "a", Gen: 1, Pol: "01020304"},
		{Kind: KindAgentStart, Agent: "a", Run: "r1"},
		before(), odd, long,
		{Kind: KindGap, Agent: "a", Counts: map[string]uint64{"ring_full": 3}},
		{Kind: KindAdmin, Actor: &Actor{UID: 0, GID: 0, PID: 77}, Text: "reload"},
		{Kind: KindAgentStop, Agent: "a", Run: "r1"},
	}
	for i := range out {
		out[i].T, out[i].Boot, out[i].Mono = at.Add(time.Duration(i)*time.Second), "6f1f0000", uint64(i+1)
	}
	return out
}

// writeGolden makes a log of several segments, one of them torn by a crash.
func writeGolden(t *testing.T) {
	if err := os.RemoveAll(goldenDir); err != nil {
		t.Fatal(err)
	}
	for i, batch := range [][]Record{goldenRecords()[:5], goldenRecords()[5:]} {
		l := mustOpen(t, goldenDir, Options{SegmentBytes: 2500, Boot: "6f1f0000"})
		for _, r := range batch {
			mustSync(t, l, r)
		}
		mustClose(t, l)
		if i == 0 {
			segs := segFiles(t, goldenDir)
			last := segs[len(segs)-1]
			os.Chmod(last, 0o600)
			b := readFile(t, last)
			writeFile(t, last, b[:len(b)-40])
		}
	}
}

// A log written by the first version stays readable, and means the same.
func TestGolden(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	r := mustVerify(t, goldenDir)
	if r.Status != Damaged || r.TornTails != 1 || r.Gaps != 1 || r.Segments < 3 {
		t.Fatalf("%v", r)
	}
	var got []Record
	for _, rec := range mustQuery(t, goldenDir, Filter{}) {
		if !reserved(rec.Kind) {
			got = append(got, rec)
		}
	}
	want := goldenRecords()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		w.V, w.Seq, w.Prev, w.Dur, w.Hash, w.Open = 1, g.Seq, g.Prev, g.Dur, g.Hash, g.Open
		if len(g.Cut) > 0 {
			w.Cut, w.Path = []string{"path"}, w.Path[:4096]
		}
		if !reflect.DeepEqual(g, w) {
			t.Errorf("record %d\n got %+v\nwant %+v", i, g, w)
		}
	}
}

func TestGoldenIndependently(t *testing.T) {
	n, err := independent(goldenDir)
	if err != nil || uint64(n) != mustVerify(t, goldenDir).Records {
		t.Errorf("%d records, %v", n, err)
	}
}

// Two more pairs of eyes on logs made now: the same check as above, and the
// script that is shipped as an example, where there is something to run it.
func TestIndependentVerifiers(t *testing.T) {
	clean := threeSegments(t)
	torn := copyDir(t, clean)
	segs := segFiles(t, torn)
	b := readFile(t, segs[len(segs)-1])
	writeFile(t, segs[len(segs)-1], b[:len(b)-100])
	mustClose(t, mustOpen(t, torn, Options{}))
	edited := copyDir(t, clean)
	edit(t, segFiles(t, edited)[1], func(l [][]byte) [][]byte { l[1][300] ^= 1; return l })

	for _, tc := range []struct {
		name, dir string
		ok        bool
	}{{"golden", goldenDir, true}, {"clean", clean, true}, {"torn", torn, true}, {"edited", edited, false}} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := independent(tc.dir)
			if (err == nil) != tc.ok {
				t.Errorf("independent check: %v", err)
			}
			r := mustVerify(t, tc.dir)
			if (r.Status != Tampered) != tc.ok || tc.ok && r.Records != uint64(n) {
				t.Errorf("independent check finds %d records, we %v", n, r)
			}
			python(t, tc.dir, tc.ok, r.Records)
		})
	}
}

func python(t *testing.T, dir string, ok bool, records uint64) {
	t.Helper()
	bin, err := exec.LookPath("python3")
	if err != nil {
		t.Log("no python3: only the check in Go was made")
		return
	}
	out, err := exec.Command(bin, filepath.Join("testdata", "verify.py"), dir).CombinedOutput()
	if (err == nil) != ok {
		t.Errorf("verify.py: %v: %s", err, out)
	}
	if ok && strings.TrimSpace(string(out)) != strconv.FormatUint(records, 10) {
		t.Errorf("verify.py counts %s records, we %d", out, records)
	}
}
