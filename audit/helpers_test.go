// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

func mustOpen(tb testing.TB, dir string, opt Options) *Log {
	tb.Helper()
	l, err := Open(dir, opt)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	return l
}

func mustClose(tb testing.TB, l *Log) {
	tb.Helper()
	if err := l.Close(); err != nil {
		tb.Fatalf("close: %v", err)
	}
}

func mustSync(tb testing.TB, l *Log, r Record) uint64 {
	tb.Helper()
	seq, err := l.AppendSync(r)
	if err != nil {
		tb.Fatalf("append: %v", err)
	}
	return seq
}

func mustAppend(tb testing.TB, l *Log, r Record) {
	tb.Helper()
	if err := l.Append(r); err != nil {
		tb.Fatalf("append: %v", err)
	}
}

func mustVerify(tb testing.TB, dir string) Report {
	tb.Helper()
	r, err := Verify(dir)
	if err != nil {
		tb.Fatalf("verify: %v", err)
	}
	return r
}

func mustQuery(tb testing.TB, dir string, f Filter) []Record {
	tb.Helper()
	var out []Record
	if err := Query(dir, f, func(r Record) error { out = append(out, r); return nil }); err != nil {
		tb.Fatalf("query: %v", err)
	}
	return out
}

// event is an ordinary record, of the size the daemon writes.
func event(i int) Record {
	uid := uint32(1000)
	return Record{
		Kseq: &Kseq{CPU: uint32(i % 4), N: uint64(i)}, Agent: "claude-code", Run: "r-7f3a", Kind: KindFileOpen,
		Action: "file_read", Op: "file_open", Verdict: VerdictAllow, Enforced: EnforcedAllow, Rule: "allow-src-reads",
		Where: "kernel", Gen: 3, Pol: "9f86d081", PID: 4242, TID: 4242, Start: 987654321, PPID: 1, UID: &uid, Cg: 9876,
		Comm: "node", Exe: "/usr/bin/node", Path: fmt.Sprintf("/project/src/file-%d.ts", i),
	}
}

// copyDir copies a log so that a test can spoil the copy.
func copyDir(tb testing.TB, from string) string {
	tb.Helper()
	to := filepath.Join(tb.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		tb.Fatal(err)
	}
	for _, name := range segFiles(tb, to) {
		if err := os.Chmod(name, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return to
}

// segFiles returns the paths of the segments in order.
func segFiles(tb testing.TB, dir string) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "segments", "*.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	sort.Slice(names, func(i, j int) bool {
		a, ga, _ := parseSegmentName(filepath.Base(names[i]))
		b, gb, _ := parseSegmentName(filepath.Base(names[j]))
		return a < b || a == b && ga < gb
	})
	return names
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func writeFile(tb testing.TB, name string, b []byte) {
	tb.Helper()
	// A segment that was closed is read-only, also for its owner unless that is root.
	if err := os.Chmod(name, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// independent checks a log with nothing but the format's description: no
// type or function of the package is used. It returns the number of records.
func independent(dir string) (int, error) {
	names, err := filepath.Glob(filepath.Join(dir, "segments", "*.jsonl"))
	if err != nil {
		return 0, err
	}
	sort.Strings(names)
	type opening struct {
		Seq  uint64
		Open *struct {
			Tails []struct {
				Seg   string `json:"prev_seg"`
				Valid int64  `json:"valid_bytes"`
				Torn  int64  `json:"torn_bytes"`
				Sum   string `json:"torn_sha256"`
			}
		}
	}
	content, valid := map[string][]byte{}, map[string]int64{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		content[filepath.Base(name)] = b
		var first opening
		line, _, _ := bytes.Cut(b, []byte("\n"))
		if json.Unmarshal(line, &first) != nil || first.Open == nil {
			continue
		}
		for _, t := range first.Open.Tails {
			valid[t.Seg] = t.Valid
			rest := content[t.Seg][t.Valid:]
			sum := sha256.Sum256(rest)
			if int64(len(rest)) != t.Torn || t.Torn > 0 && t.Sum != hex.EncodeToString(sum[:]) {
				return 0, fmt.Errorf("%s: the torn part is not as described", t.Seg)
			}
		}
	}
	prev, next := strings.Repeat("0", 64), 0
	for _, name := range names {
		b := content[filepath.Base(name)]
		if n, ok := valid[filepath.Base(name)]; ok {
			b = b[:n]
		}
		scan := bufio.NewScanner(bytes.NewReader(b))
		for scan.Scan() {
			line := scan.Text()
			body, hash := line[:len(line)-75], line[len(line)-66:len(line)-2]
			sum := sha256.Sum256([]byte("\x00" + body))
			if hex.EncodeToString(sum[:]) != hash {
				return 0, fmt.Errorf("%s: record %d: hash", name, next)
			}
			if !strings.HasPrefix(line, fmt.Sprintf(`{"v":1,"seq":%d,"prev":"%s",`, next, prev)) {
				return 0, fmt.Errorf("%s: record %d: order", name, next)
			}
			prev, next = hash, next+1
		}
		if err := scan.Err(); err != nil {
			return 0, err
		}
	}
	return next, nil
}
