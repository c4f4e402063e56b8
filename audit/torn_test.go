// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// never is long enough that only what a test forces goes to disk.
const never = time.Hour

// unsynced returns a log in memory with 5 acknowledged records, and then 12
// that are written but not synced, as a crash would find it.
func unsynced(t *testing.T) (d *memDir, name string) {
	d = newMemDir()
	l := mustOpenMem(t, d, Options{Delay: time.Millisecond, AllowDelay: never})
	for i := range 5 {
		mustSync(t, l, Record{Kind: KindAdmin, Text: fmt.Sprint("acked ", i)})
	}
	for i := range 12 {
		r := event(i)
		r.Text = fmt.Sprint("lost ", i)
		mustAppend(t, l, r)
	}
	name = nameSegment(0, 0)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		c := d.clone()
		if bytes.Count(c.files[name].data, []byte("\n")) == 1+5+12 {
			d = c
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the records were not written")
		}
	}
	l.Close()
	if f := d.files[name]; f.synced == 0 || f.synced == len(f.data) {
		t.Fatalf("%d of %d bytes synced", f.synced, len(f.data))
	}
	return d, name
}

// recoverAndCheck opens a log that crashed: every acknowledged record must be
// there, in order, nothing that was never written may be, the old segment
// must be untouched, and the result must verify as at most damaged.
func recoverAndCheck(t *testing.T, d *memDir, name, state string) {
	t.Helper()
	before := bytes.Clone(d.files[name].data)
	if r := verifyMem(t, d, false); r.Status == Tampered {
		t.Fatalf("%s: before recovery: %v", state, r)
	}
	l := mustOpenMem(t, d, Options{Queue: 4})
	mustSync(t, l, Record{Kind: KindAdmin, Text: "after"})
	mustClose(t, l)
	if len(l.Recovered().Problems) > 0 {
		t.Fatalf("%s: not seen as a crash: %q", state, l.Recovered().Problems)
	}
	if !bytes.Equal(before, d.files[name].data) {
		t.Fatalf("%s: recovery changed the old segment", state)
	}
	r := verifyMem(t, d, false)
	if r.Status == Tampered || (r.TornTails > 0) != (r.Status == Damaged) {
		t.Fatalf("%s: after recovery: %v", state, r)
	}
	checkTexts(t, textsMem(t, d), state)
}

func checkTexts(t *testing.T, texts []string, state string) {
	t.Helper()
	if len(texts) < 6 || texts[len(texts)-1] != "after" {
		t.Fatalf("%s: recovered %q", state, texts)
	}
	for i, text := range texts[:len(texts)-1] {
		want := fmt.Sprint("acked ", i)
		if i >= 5 {
			want = fmt.Sprint("lost ", i-5)
		}
		if text != want {
			t.Fatalf("%s: record %d is %q, want %q", state, i, text, want)
		}
	}
}

func TestTornTailAtEveryOffset(t *testing.T) {
	d, name := unsynced(t)
	f := d.files[name]
	for cut := f.synced; cut <= len(f.data); cut++ {
		c := d.clone()
		c.files[name].data = c.files[name].data[:cut]
		recoverAndCheck(t, c, name, fmt.Sprintf("truncated to %d", cut))
	}
}

func TestTornTailFilled(t *testing.T) {
	d, name := unsynced(t)
	f := d.files[name]
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tc := range []struct {
		name string
		fill func(b []byte)
	}{
		{"zeros", func(b []byte) { clear(b) }},
		{"noise", func(b []byte) {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
		}},
		{"newlines", func(b []byte) { copy(b, bytes.Repeat([]byte{'\n'}, len(b))) }},
		{"stale records", func(b []byte) { copy(b, f.data) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for from := f.synced; from < len(f.data); from += 7 {
				c := d.clone()
				tc.fill(c.files[name].data[from:])
				recoverAndCheck(t, c, name, fmt.Sprintf("filled from %d", from))
			}
		})
	}
}

// A disk may keep any of the sectors of an unsynced write.
func TestTornTailSectors(t *testing.T) {
	d, name := unsynced(t)
	f := d.files[name]
	const sector = 512
	n := (len(f.data)-f.synced)/sector + 1
	for lost := range 1 << min(n, 11) {
		c := d.clone()
		data := c.files[name].data
		for i := range min(n, 11) {
			if lost&(1<<i) != 0 {
				from := f.synced + i*sector
				clear(data[from:min(from+sector, len(data))])
			}
		}
		recoverAndCheck(t, c, name, fmt.Sprintf("sectors lost %b", lost))
	}
}

// Crash after crash during recovery itself: each attempt may be torn anywhere.
func TestCrashWhileRecovering(t *testing.T) {
	d, name := unsynced(t)
	whole := d.clone()
	l := mustOpenMem(t, whole, Options{})
	second := l.Stats().Segment
	mustClose(t, l)
	opening, _, _ := bytes.Cut(whole.files[second].data, []byte("\n"))
	for cut := 0; cut <= len(opening); cut += 3 {
		c := d.clone()
		c.files[second] = &memData{data: bytes.Clone(opening[:cut]), listed: true}
		recoverAndCheck(t, c, name, fmt.Sprintf("opening torn at %d", cut))
		if got := c.files[second].data; cut > 0 && !bytes.Equal(got, opening[:cut]) {
			t.Fatalf("torn opening of %d bytes was changed", cut)
		}
	}
}

// Thirty-two attempts may be torn; after that somebody has to look.
func TestTooManyTornOpenings(t *testing.T) {
	d := newMemDir()
	mustClose(t, mustOpenMem(t, d, Options{}))
	next := verifyMem(t, d, false).Last + 1
	for gen := range maxTails - 1 {
		d.files[nameSegment(next, gen)] = &memData{data: []byte("torn"), listed: true}
	}
	l := mustOpenMem(t, d, Options{})
	if n := len(l.Recovered().Tails); n != maxTails {
		t.Errorf("%d tails, want %d", n, maxTails)
	}
	mustClose(t, l)
	if r := verifyMem(t, d, false); r.Status != Damaged || r.TornTails != maxTails-1 {
		t.Errorf("%v", r)
	}
	next = verifyMem(t, d, false).Last + 1
	for gen := range maxTails {
		d.files[nameSegment(next, gen)] = &memData{data: []byte("torn"), listed: true}
	}
	if _, err := openMem(d, Options{}); err == nil {
		t.Error("opened after too many torn segments")
	}
}

// Random crashes under load, many times: acknowledged records survive.
func TestCrashProperty(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 150 {
		d := newMemDir()
		var acked []string
		for life := range 4 {
			l, err := openMem(d, Options{SegmentBytes: 4 << 10, Delay: time.Microsecond, AllowDelay: never})
			if err != nil {
				t.Fatalf("round %d, life %d: %v", round, life, err)
			}
			if len(l.Recovered().Problems) > 0 {
				t.Fatalf("round %d, life %d: %q", round, life, l.Recovered().Problems)
			}
			for i := range rng.IntN(40) {
				r := event(i)
				r.Text = fmt.Sprintf("%d.%d", life, i)
				if rng.IntN(3) == 0 {
					mustSync(t, l, r)
					acked = append(acked, r.Text)
				} else {
					mustAppend(t, l, r)
				}
			}
			crashed := d.crash(rng)
			l.Close()
			d = crashed
		}
		mustClose(t, mustOpenMem(t, d, Options{}))
		if r := verifyMem(t, d, false); r.Status == Tampered {
			t.Fatalf("round %d: %v", round, r)
		}
		texts := textsMem(t, d)
		for _, a := range acked {
			if !slices.Contains(texts, a) {
				t.Fatalf("round %d: acknowledged record %s is gone", round, a)
			}
		}
	}
}

// What recovery reads from the page cache of a dead writer is synced before
// the next segment vouches for it.
func TestRecoverySyncsWhatItReliesOn(t *testing.T) {
	d, name := unsynced(t)
	l := mustOpenMem(t, d, Options{})
	if f := d.files[name]; f.synced != len(f.data) {
		t.Errorf("%d of %d bytes synced", f.synced, len(f.data))
	}
	after := d.onDisk()
	mustClose(t, l)
	if r := verifyMem(t, after, false); r.Status == Tampered || r.Records < 18 {
		t.Errorf("after a power failure: %v", r)
	}
}
