// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOpenLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l := mustOpen(t, dir, Options{})
	seg := segFiles(t, dir)[0]
	for name, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "segments"): 0o700, filepath.Join(dir, "log.id"): 0o600, seg: 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if got := filepath.Base(seg); got != "00000000000000000000.jsonl" {
		t.Errorf("segment is called %s", got)
	}
	mustClose(t, l)
	if info, _ := os.Stat(seg); info.Mode().Perm() != 0o400 {
		t.Errorf("sealed segment has mode %v", info.Mode())
	}
	if err := l.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if err := l.Append(event(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	if _, err := l.AppendSync(event(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	if err := l.Flush(); !errors.Is(err, ErrClosed) {
		t.Errorf("flush after close: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(t *testing.T, dir string)
		want  string
	}{
		{"directory others can read", func(t *testing.T, dir string) { os.Mkdir(dir, 0o700); os.Chmod(dir, 0o755) }, "chmod 0700"},
		{"directory is a symlink", func(t *testing.T, dir string) { os.Symlink(t.TempDir(), dir) }, "open"},
		{"directory is a file", func(t *testing.T, dir string) { writeFile(t, dir, nil) }, "not a directory"},
		{"segments is a symlink", func(t *testing.T, dir string) {
			os.Mkdir(dir, 0o700)
			os.Symlink(t.TempDir(), filepath.Join(dir, "segments"))
		}, "segments"},
		{"log.id is a symlink", func(t *testing.T, dir string) {
			os.Mkdir(dir, 0o700)
			os.Symlink("/etc/hostname", filepath.Join(dir, "log.id"))
		}, "log ID"},
		{"log.id is garbage", func(t *testing.T, dir string) {
			os.Mkdir(dir, 0o700)
			writeFile(t, filepath.Join(dir, "log.id"), []byte("zz"))
		}, "32 hex digits"},
		{"a segment is a FIFO", func(t *testing.T, dir string) {
			mustClose(t, mustOpen(t, dir, Options{}))
			exec.Command("mkfifo", filepath.Join(dir, "segments", nameSegment(2, 0))).Run()
		}, "exists"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "log")
			tc.setup(t, dir)
			_, err := Open(dir, Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want it to say %q", err, tc.want)
			}
		})
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{})
	_, err := Open(dir, Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("second writer: %v", err)
	}
	mustSync(t, l, event(0))
	mustClose(t, l)
	mustClose(t, mustOpen(t, dir, Options{}))
	if r := mustVerify(t, dir); r.Status != OK || r.Segments != 2 {
		t.Errorf("%v", r)
	}
}

// Readers look at the lock; that must never get in a writer's way.
func TestReadersDoNotKeepAWriterOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	mustClose(t, mustOpen(t, dir, Options{}))
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				Verify(dir)
			}
		}
	}()
	for range 10 {
		mustClose(t, mustOpen(t, dir, Options{}))
	}
	close(stop)
	<-done
}

// Kinds that carry the log's own structure cannot be forged by a caller.
func TestReservedKinds(t *testing.T) {
	l := mustOpenMem(t, newMemDir(), Options{})
	defer l.Close()
	for _, k := range []Kind{"", KindGenesis, KindSegmentOpen, KindSegmentSeal} {
		if err := l.Append(Record{Kind: k}); !errors.Is(err, ErrKind) {
			t.Errorf("%q: %v", k, err)
		}
		if _, err := l.AppendSync(Record{Kind: k}); !errors.Is(err, ErrKind) {
			t.Errorf("%q: %v", k, err)
		}
	}
}

// What the writer sets, a caller cannot.
func TestWriterOwnsStructure(t *testing.T) {
	d := newMemDir()
	l := mustOpenMem(t, d, Options{})
	mustSync(t, l, Record{Kind: KindAdmin, V: 9, Seq: 99, Prev: "x", Dur: 1234, Hash: "y", Cut: []string{"path"},
		Open: &SegmentOpen{Log: "z"}, Seal: &SegmentSeal{Records: 5}})
	mustClose(t, l)
	r, err := ParseLine([]byte(strings.Split(string(d.files[nameSegment(0, 0)].data), "\n")[1]))
	if err != nil || r.V != 1 || r.Seq != 1 || r.Dur != 0 || r.Open != nil || r.Seal != nil || r.Cut != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRestoredID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	mustClose(t, mustOpen(t, dir, Options{}))
	id := readFile(t, filepath.Join(dir, "log.id"))
	os.Remove(filepath.Join(dir, "log.id"))
	if r := mustVerify(t, dir); r.Status != Damaged {
		t.Errorf("%v", r)
	}
	l := mustOpen(t, dir, Options{})
	if len(l.Recovered().Problems) != 1 {
		t.Errorf("problems %q", l.Recovered().Problems)
	}
	mustClose(t, l)
	if got := readFile(t, filepath.Join(dir, "log.id")); string(got) != string(id) {
		t.Errorf("restored %s, was %s", got, id)
	}
	if r := mustVerify(t, dir); r.Status != OK {
		t.Errorf("%v", r)
	}
}

func TestRemovedRecordsAreNoticed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	mustClose(t, mustOpen(t, dir, Options{}))
	os.Remove(segFiles(t, dir)[0])
	l := mustOpen(t, dir, Options{})
	mustClose(t, l)
	if got := mustQuery(t, dir, Filter{Kind: KindIntegrityFailed}); len(got) != 1 || len(l.Recovered().Problems) != 1 {
		t.Errorf("%d records, problems %q", len(got), l.Recovered().Problems)
	}
}

// A class of record decides how long it may stay in memory.
func TestClasses(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    Record
		want class
	}{
		{"allowed", Record{Kind: KindFileOpen, Verdict: VerdictAllow, Enforced: EnforcedAllow}, classAllow},
		{"denied", Record{Kind: KindFileOpen, Verdict: VerdictDeny}, classSync},
		{"asked", Record{Kind: KindExec, Verdict: VerdictRequireApproval}, classSync},
		{"judged allowed but refused by the kernel", Record{Kind: KindExec, Verdict: VerdictAllow, Enforced: EnforcedDeny}, classSync},
		{"no verdict", Record{Kind: KindExec}, classNormal},
		{"unknown verdict", Record{Kind: KindExec, Verdict: "MAYBE"}, classSync},
		{"gap", Record{Kind: KindGap}, classSync},
		{"policy", Record{Kind: KindPolicyLoad, Verdict: VerdictAllow}, classSync},
		{"admin", Record{Kind: KindAdmin}, classSync},
		{"agent stop", Record{Kind: KindAgentStop}, classSync},
		{"a kind of the future", Record{Kind: "file.teleport", Verdict: VerdictAllow}, classSync},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := classOf(&tc.r); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

// A denial reaches the disk without anybody asking; an allowed event need not.
func TestClassesReachTheDisk(t *testing.T) {
	onDisk := func(d *memDir, want string) bool {
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if strings.Contains(string(d.onDisk().files[nameSegment(0, 0)].data), want) {
				return true
			}
		}
		return false
	}
	d := newMemDir()
	l := mustOpenMem(t, d, Options{Delay: never, AllowDelay: never})
	defer l.Close()
	mustAppend(t, l, Record{Kind: KindExec, Verdict: VerdictAllow, Text: "allowed"})
	time.Sleep(20 * time.Millisecond)
	if strings.Contains(string(d.onDisk().files[nameSegment(0, 0)].data), "allowed") {
		t.Error("an allowed event was synced at once")
	}
	mustAppend(t, l, Record{Kind: KindExec, Verdict: VerdictDeny, Text: "denied"})
	if !onDisk(d, "denied") {
		t.Error("a denial was not synced")
	}
	d2 := newMemDir()
	l2 := mustOpenMem(t, d2, Options{Delay: time.Millisecond, AllowDelay: 30 * time.Millisecond})
	defer l2.Close()
	mustAppend(t, l2, Record{Kind: KindExec, Verdict: VerdictAllow, Text: "allowed"})
	if !onDisk(d2, "allowed") {
		t.Error("an allowed event was never synced")
	}
}

// The package must stay usable without root and without the daemon's weight.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, bad := range []string{"github.com/cilium/ebpf", "caisson/daemon", "caisson/policy", "caisson/bpf", "net/http"} {
			if dep == bad || strings.HasPrefix(dep, bad+"/") {
				t.Errorf("imports %s", dep)
			}
		}
	}
}
