// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what this process has used of all processors.
func cpuTime(tb testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend is the daemon's usual case, end to end, and also reports
// the processor time of all goroutines together for each record.
func BenchmarkAppend(b *testing.B) {
	l := mustOpen(b, filepath.Join(b.TempDir(), "log"), Options{})
	r := event(1)
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		if err := l.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
	mustClose(b, l)
}

// BenchmarkAppendSync64 is 64 goroutines that each wait for the disk.
func BenchmarkAppendSync64(b *testing.B) {
	l := mustOpen(b, filepath.Join(b.TempDir(), "log"), Options{})
	r := event(1)
	b.SetParallelism(32) // times GOMAXPROCS, 2 where this was written
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.AppendSync(r); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/float64(l.Stats().Batches), "records/sync")
	mustClose(b, l)
}

func BenchmarkEncode(b *testing.B) {
	r, c, h := event(1), chain{prev: zeroDigest}, newHasher()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		e := newEntry(&r, "c9979fae-873d-40cd-9b65-f34bd41118ef")
		buf = e.appendLine(buf[:0], &c, 1, h)
		e.finish(nil)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkSanitize(b *testing.B) {
	for name, s := range map[string]string{"clean": event(1).Path, "hostile": "a\x1b[2J\u202e\xff" + event(1).Path} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Sanitize(s)
			}
		})
	}
}

// benchLog makes a log of n records in memory-speed batches.
func benchLog(b *testing.B, n int) string {
	dir := filepath.Join(b.TempDir(), "log")
	l := mustOpen(b, dir, Options{})
	for i := range n {
		r := event(i)
		if i%1000 == 0 {
			r.Agent = "rare"
		}
		if err := l.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	mustClose(b, l)
	return dir
}

func BenchmarkVerify(b *testing.B) {
	const n = 50000
	dir := benchLog(b, n)
	for b.Loop() {
		if r := mustVerify(b, dir); r.Status != OK {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkQueryRare(b *testing.B) {
	const n = 50000
	dir := benchLog(b, n)
	for b.Loop() {
		if got := mustQuery(b, dir, Filter{Agent: "rare"}); len(got) != n/1000 {
			b.Fatal(len(got))
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
