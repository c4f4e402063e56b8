// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// faulty opens a log on a new memDir and then arms fault.
func faulty(t *testing.T, opt Options, arm func(d *memDir)) (*memDir, *Log) {
	t.Helper()
	d := newMemDir()
	l := mustOpenMem(t, d, opt)
	mustSync(t, l, Record{Kind: KindAdmin, Text: "before"})
	d.mu.Lock()
	arm(d)
	d.mu.Unlock()

	return d, l
}

func disarm(d *memDir) {
	d.mu.Lock()
	d.fault, d.short = nil, nil
	d.mu.Unlock()
}

func TestErrorOnce(t *testing.T) {
	enospc := func(name string, n int) (int, error) { return 0, syscall.ENOSPC }
	for _, tc := range []struct {
		name string
		arm  func(d *memDir)
		torn int // segments with bytes that do not count
	}{
		{"fsync", func(d *memDir) { d.fault = nth("sync", 1, errDisk) }, 1},
		{"write", func(d *memDir) { d.fault = nth("write", 1, errDisk) }, 0},
		{"no space", func(d *memDir) { once(d, enospc) }, 0},
		{"short write without an error", func(d *memDir) { once(d, func(_ string, n int) (int, error) { return n / 2, nil }) }, 1},
		{"short write with an error", func(d *memDir) { once(d, func(_ string, n int) (int, error) { return n - 1, syscall.ENOSPC }) }, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var poisoned atomic.Value
			opt := Options{OnPoison: func(seg string, err error) { poisoned.Store(seg) }}
			d, l := faulty(t, opt, tc.arm)
			seq := mustSync(t, l, Record{Kind: KindAdmin, Text: "during"})
			if seq != 2 {
				t.Errorf("record has number %d, want the same as in the segment given up: 2", seq)
			}
			mustSync(t, l, Record{Kind: KindAdmin, Text: "after"})
			mustClose(t, l)
			bad := d.files[nameSegment(0, 0)]
			if bad.writes+bad.resyncs > 0 {
				t.Errorf("the segment was used again: %d writes, %d syncs", bad.writes, bad.resyncs)
			}
			if l.Stats().Poisoned != 1 || poisoned.Load() != nameSegment(0, 0) {
				t.Errorf("poisoned %d, %v", l.Stats().Poisoned, poisoned.Load())
			}
			r := verifyMem(t, d, false)
			if r.Status == Tampered || r.TornTails != tc.torn {
				t.Errorf("%v", r)
			}
			if got := textsMem(t, d); !slices.Equal(got, []string{"before", "during", "after"}) {
				t.Errorf("records %q", got)
			}
			// What the disk kept alone must tell the same story.
			if got := textsMem(t, d.onDisk()); !slices.Equal(got, []string{"before", "during", "after"}) {
				t.Errorf("records on disk %q", got)
			}
			if r := verifyMem(t, d.onDisk(), false); r.Status == Tampered {
				t.Errorf("on disk: %v", r)
			}
		})
	}
}

// once makes short hit the next write only.
func once(d *memDir, short func(string, int) (int, error)) {
	used := false
	d.short = func(name string, n int) (int, error) {
		if used {
			return n, nil
		}
		used = true
		return short(name, n)
	}
}

// The new segment explains the old one, in the record that comes first.
func TestPoisonedSegmentIsNamed(t *testing.T) {
	d, l := faulty(t, Options{}, func(d *memDir) { d.fault = nth("sync", 1, errDisk) })
	mustSync(t, l, Record{Kind: KindAdmin, Text: "during"})
	mustClose(t, l)
	lay, err := readLayout(d)
	if err != nil {
		t.Fatal(err)
	}
	tail := lay.segs[0].tail
	if tail == nil || tail.Why != EndError || tail.ValidSeq != 1 || tail.TornBytes == 0 || !strings.Contains(tail.Err, "input/output") {
		t.Fatalf("tail %+v", tail)
	}
	if r, err := ParseLine(firstLine(d, lay.segs[1].name)); err != nil || r.Kind != KindAdmin || r.Seq != 2 || r.Open == nil {
		t.Errorf("first record %+v, %v", r, err)
	}
}

func firstLine(d *memDir, name string) []byte {
	line, _, _ := strings.Cut(string(d.files[name].data), "\n")
	return []byte(line)
}

// After a failed sync the disk may hold anything in place of the failed
// bytes; they were never acknowledged there, so that is damage, not tampering.
func TestPoisonedRestMayChange(t *testing.T) {
	for name, change := range map[string]func(b []byte) []byte{
		"lost":  func(b []byte) []byte { return nil },
		"zeros": func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			d, l := faulty(t, Options{}, func(d *memDir) { d.fault = nth("sync", 1, errDisk) })
			mustSync(t, l, Record{Kind: KindAdmin, Text: "during"})
			mustClose(t, l)
			f := d.files[nameSegment(0, 0)]
			f.data = append(f.data[:f.synced:f.synced], change(f.data[f.synced:])...)
			if r := verifyMem(t, d, false); r.Status != Damaged {
				t.Errorf("%v", r)
			}
		})
	}
}

func TestFailMode(t *testing.T) {
	always := func(op string, err error) func(d *memDir) {
		return func(d *memDir) {
			d.fault = func(got, _ string) error {
				if got == op {
					return err
				}
				return nil
			}
		}
	}
	for _, tc := range []struct {
		name string
		arm  func(d *memDir)
		want error
	}{
		{"every sync fails", always("sync", errDisk), errDisk},
		{"disk is full", always("write", syscall.ENOSPC), syscall.ENOSPC},
		{"write fails and no file can be made", func(d *memDir) {
			d.fault = func(op, _ string) error {
				if op == "write" || op == "create" {
					return syscall.EROFS
				}
				return nil
			}
		}, syscall.EROFS},
		{"sync fails and the directory cannot be synced", func(d *memDir) {
			first := true
			d.fault = func(op, _ string) error {
				if op == "dirsync" || op == "sync" && first {
					first = false
					return errDisk
				}
				return nil
			}
		}, errDisk},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var told atomic.Int32
			d, l := faulty(t, Options{OnFail: func(error) { told.Add(1) }}, tc.arm)
			if _, err := l.AppendSync(Record{Kind: KindAdmin, Text: "x"}); !errors.Is(err, tc.want) {
				t.Errorf("append: %v", err)
			}
			disarm(d) // the disk works again: the log must not come back by itself
			if err := l.Err(); !errors.Is(err, tc.want) {
				t.Errorf("err: %v", err)
			}
			if err := l.Append(event(0)); !errors.Is(err, tc.want) {
				t.Errorf("append in fail mode: %v", err)
			}
			if err := l.Flush(); !errors.Is(err, tc.want) {
				t.Errorf("flush in fail mode: %v", err)
			}
			if err := l.Close(); !errors.Is(err, tc.want) {
				t.Errorf("close: %v", err)
			}
			if told.Load() != 1 || l.Stats().Lost < 2 {
				t.Errorf("told %d times, %d lost", told.Load(), l.Stats().Lost)
			}
			// What was acknowledged is there, and the log can be opened again.
			l = mustOpenMem(t, d, Options{})
			mustSync(t, l, Record{Kind: KindAdmin, Text: "again"})
			mustClose(t, l)
			texts := textsMem(t, d)
			if len(texts) < 2 || texts[0] != "before" || texts[len(texts)-1] != "again" {
				t.Errorf("records %q", texts)
			}
			if r := verifyMem(t, d, false); r.Status == Tampered {
				t.Errorf("%v", r)
			}
		})
	}
}

// A caller that waits for room in the queue must not wait for ever.
func TestFailModeFreesWaiters(t *testing.T) {
	hold := make(chan struct{})
	d, l := faulty(t, Options{Queue: 1}, func(d *memDir) {
		d.fault = func(op, _ string) error {
			if op == "sync" {
				<-hold
				return errDisk
			}
			return nil
		}
	})
	errs := make(chan error, 20)
	for range cap(errs) {
		go func() {
			_, err := l.AppendSync(Record{Kind: KindAdmin})
			errs <- err
		}()
	}
	time.Sleep(20 * time.Millisecond)
	close(hold)
	for range cap(errs) {
		select {
		case err := <-errs:
			if !errors.Is(err, errDisk) {
				t.Errorf("append: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a caller hangs")
		}
	}
	disarm(d)
	l.Close()
}

// Rolling is where files are made: each step may fail once.
func TestFaultWhileRolling(t *testing.T) {
	for _, op := range []string{"create", "sync", "dirsync", "write", "chmod", "list"} {
		for n := 1; n <= 12; n++ {
			t.Run(fmt.Sprint(op, n), func(t *testing.T) {
				d, l := faulty(t, Options{SegmentBytes: 2000}, func(d *memDir) { d.fault = nth(op, n, errDisk) })
				for i := range 12 {
					if got := mustSync(t, l, Record{Kind: KindAdmin, Text: fmt.Sprint(i)}); got < uint64(i) {
						t.Errorf("record %d has number %d", i, got)
					}
				}
				mustClose2(t, d, l)
				texts := textsMem(t, d)
				if len(texts) != 13 || texts[12] != "11" {
					t.Errorf("records %q", texts)
				}
				if r := verifyMem(t, d.onDisk(), false); r.Status == Tampered {
					t.Errorf("on disk: %v", r)
				}
			})
		}
	}
}

// mustClose2 closes a log whose last operation may be the one that fails.
func mustClose2(t *testing.T, d *memDir, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil && !errors.Is(err, errDisk) {
		t.Errorf("close: %v", err)
	}
	disarm(d)
}

// A log that cannot take its first record must not open.
func TestOpenFails(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "dirsync", "list"} {
		t.Run(op, func(t *testing.T) {
			d := newMemDir()
			d.fault = nth(op, 1, errDisk)
			if _, err := openMem(d, Options{}); !errors.Is(err, errDisk) {
				t.Fatalf("open: %v", err)
			}
			disarm(d)
			l := mustOpenMem(t, d, Options{})
			mustClose(t, l)
			if r := verifyMem(t, d, false); r.Status == Tampered || r.Records != 2 && r.Records != 3 {
				t.Errorf("%v", r)
			}
		})
	}
}

// A full disk must not leave one more empty file each time the daemon starts.
func TestEmptySegmentIsUsedAgain(t *testing.T) {
	d := newMemDir()
	d.fault = func(op, _ string) error {
		if op == "write" {
			return syscall.ENOSPC
		}
		return nil
	}
	for range 5 {
		if _, err := openMem(d, Options{}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("open: %v", err)
		}
	}
	if len(d.files) != 1 {
		t.Errorf("%d files", len(d.files))
	}
	disarm(d)
	mustClose(t, mustOpenMem(t, d, Options{}))
	if r := verifyMem(t, d, false); r.Status != OK || r.Segments != 1 {
		t.Errorf("%v", r)
	}
}
