// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// threeSegments makes a closed log of several segments and returns its directory.
func threeSegments(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	l := mustOpen(t, dir, Options{SegmentBytes: 4000})
	for i := range 33 {
		mustSync(t, l, event(i))
	}
	mustClose(t, l)
	segs := segFiles(t, dir)
	if n := len(segs); n < 4 || bytes.Count(readFile(t, segs[n-1]), []byte("\n")) < 4 {
		t.Fatalf("%d segments, the last %d bytes", n, len(readFile(t, segs[n-1])))
	}
	if r := mustVerify(t, dir); r.Status != OK {
		t.Fatalf("%v", r)
	}
	return dir
}

// edit replaces the lines of a file.
func edit(t *testing.T, name string, f func(lines [][]byte) [][]byte) {
	t.Helper()
	lines := bytes.SplitAfter(readFile(t, name), []byte("\n"))
	writeFile(t, name, bytes.Join(f(lines[:len(lines)-1]), nil))
}

// rehash gives a changed line a hash that fits.
func rehash(line []byte) []byte {
	body := line[:len(line)-1-tailLen]
	sum := newHasher().line(body)
	return slices.Concat(body, []byte(hashName), sum[:], []byte(hashEnd), []byte("\n"))
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// tamperings is what an attacker or a bad disk may do, and what must be seen.
var tamperings = []struct {
	name  string
	spoil func(t *testing.T, dir string, segs []string)
	want  Status
	seq   int64 // first record that is not sound; -2: not looked at
}{
	{"nothing", func(*testing.T, string, []string) {}, OK, -1},
	{"flip a byte of a record", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[1], func(l [][]byte) [][]byte { l[2][300] ^= 1; return l })
	}, Tampered, -2},
	{"flip a byte of a hash", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[1], func(l [][]byte) [][]byte { l[2][len(l[2])-10] ^= 1; return l })
	}, Tampered, -2},
	{"flip a newline", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[1], func(l [][]byte) [][]byte { l[2][len(l[2])-1] = ' '; return l })
	}, Tampered, -2},
	{"flip a byte in the newest segment", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[len(segs)-1], func(l [][]byte) [][]byte { l[1][300] ^= 1; return l })
	}, Tampered, -2},
	{"flip a byte in the record that opens the newest segment", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[len(segs)-1], func(l [][]byte) [][]byte { l[0][300] ^= 1; return l })
	}, Tampered, -2},
	{"turn a denial into an approval", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte(VerdictAllow), []byte("DENY!"), 1)
			return l
		})
	}, Tampered, 3},
	{"edit a record and compute its hash again", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte {
			l[3] = rehash(bytes.Replace(l[3], []byte("/project"), []byte("/PROJECT"), 1))
			return l
		})
	}, Tampered, 4},
	{"delete a record in the middle", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) })
	}, Tampered, 3},
	{"delete the last record of a segment that is not the newest", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte { return l[:len(l)-1] })
	}, Tampered, -2},
	{"delete the first record", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte { return l[1:] })
	}, Tampered, 0},
	{"reorder two records", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte { l[3], l[4] = l[4], l[3]; return l })
	}, Tampered, 3},
	{"repeat a record", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte { return slices.Insert(l, 4, l[3]) })
	}, Tampered, 4},
	{"insert a record with a good hash", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte {
			extra := rehash(bytes.Replace(l[3], []byte("file-"), []byte("fake-"), 1))
			return slices.Insert(l, 3, extra)
		})
	}, Tampered, 4},
	{"insert an empty line", func(t *testing.T, _ string, segs []string) {
		edit(t, segs[0], func(l [][]byte) [][]byte { return slices.Insert(l, 3, []byte("\n")) })
	}, Tampered, 3},
	{"append to a sealed segment", func(t *testing.T, _ string, segs []string) {
		writeFile(t, segs[0], append(readFile(t, segs[0]), "more\n"...))
	}, Tampered, -2},
	{"append to the newest segment after its seal", func(t *testing.T, _ string, segs []string) {
		last := segs[len(segs)-1]
		writeFile(t, last, append(readFile(t, last), "more"...))
	}, Tampered, -2},
	{"remove the first segment", func(t *testing.T, _ string, segs []string) { os.Remove(segs[0]) }, Tampered, 0},
	{"remove a segment in the middle", func(t *testing.T, _ string, segs []string) { os.Remove(segs[1]) }, Tampered, -2},
	{"empty a segment in the middle", func(t *testing.T, _ string, segs []string) { writeFile(t, segs[1], nil) }, Tampered, -2},
	{"copy a segment under a new attempt's name", func(t *testing.T, dir string, segs []string) {
		writeFile(t, filepath.Join(dir, "segments", nameSegment(0, 1)), readFile(t, segs[0]))
	}, Tampered, -2},
	{"copy a segment under a later name", func(t *testing.T, dir string, segs []string) {
		writeFile(t, filepath.Join(dir, "segments", nameSegment(9999, 0)), readFile(t, segs[0]))
	}, Tampered, -2},
	{"swap two segments", func(t *testing.T, _ string, segs []string) {
		rename(t, segs[1], segs[1]+"x")
		rename(t, segs[2], segs[1])
		rename(t, segs[1]+"x", segs[2])
	}, Tampered, -2},
	{"put a segment of another log in", func(t *testing.T, _ string, segs []string) {
		writeFile(t, segs[0], readFile(t, segFiles(t, threeSegments(t))[0]))
	}, Tampered, -2},
	{"replace the log ID", func(t *testing.T, dir string, _ []string) {
		writeFile(t, filepath.Join(dir, idName), []byte(testLogID+"\n"))
	}, Tampered, 0},
	{"garble the log ID", func(t *testing.T, dir string, _ []string) {
		writeFile(t, filepath.Join(dir, idName), []byte("hello"))
	}, Tampered, -2},
	{"remove all segments", func(t *testing.T, _ string, segs []string) {
		for _, s := range segs {
			os.Remove(s)
		}
	}, Tampered, 0},
	{"add a file", func(t *testing.T, dir string, _ []string) {
		writeFile(t, filepath.Join(dir, "segments", "notes.txt"), []byte("x"))
	}, OK, -1},
	{"add a symlink named like a segment", func(t *testing.T, dir string, segs []string) {
		if err := os.Symlink(segs[0], filepath.Join(dir, "segments", nameSegment(5000, 0))); err != nil {
			t.Fatal(err)
		}
	}, OK, -1},
	{"tear the newest segment", func(t *testing.T, _ string, segs []string) {
		last := segs[len(segs)-1]
		b := readFile(t, last)
		writeFile(t, last, b[:len(b)-20])
	}, Damaged, -1},
}

func TestTampering(t *testing.T) {
	clean := threeSegments(t)
	for _, tc := range tamperings {
		t.Run(tc.name, func(t *testing.T) {
			dir := copyDir(t, clean)
			tc.spoil(t, dir, segFiles(t, dir))
			r := mustVerify(t, dir)
			if r.Status != tc.want {
				t.Fatalf("%v", r)
			}
			if tc.seq != -2 && r.BadSeq != tc.seq {
				t.Errorf("first unsound record is %d, want %d: %s", r.BadSeq, tc.seq, r.Problem)
			}
			if (r.Problem == "") != (r.Status == OK) {
				t.Errorf("problem %q", r.Problem)
			}
			checkQueryAgrees(t, dir, r)
		})
	}
}

// checkQueryAgrees: Query gives every sound record and then the same damage.
func checkQueryAgrees(t *testing.T, dir string, r Report) {
	t.Helper()
	var n uint64
	err := Query(dir, Filter{}, func(Record) error { n++; return nil })
	var bad *DamageError
	if errors.As(err, &bad) {
		if r.Status != Tampered || n != r.Records {
			t.Errorf("query gave %d records and %v, verify %v", n, err, r)
		}
		if bad.Segment == "" || !strings.Contains(err.Error(), bad.Segment) {
			t.Errorf("error does not name the segment: %v", err)
		}
		return
	}
	if err != nil && r.Status == Tampered && n == 0 {
		return // the log could not be identified
	}
	if err != nil || n != r.Records {
		t.Errorf("query gave %d records and %v, verify %v", n, err, r)
	}
}

// What a chain alone cannot show must be said, not hidden.
func TestWhatCannotBeDetected(t *testing.T) {
	clean := threeSegments(t)
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, dir string, segs []string)
	}{
		{"cut whole records off the end", func(t *testing.T, _ string, segs []string) {
			edit(t, segs[len(segs)-1], func(l [][]byte) [][]byte { return l[:1] })
		}},
		{"remove the newest segments", func(t *testing.T, _ string, segs []string) {
			os.Remove(segs[len(segs)-1])
			os.Remove(segs[len(segs)-2])
		}},
		{"change the last record", func(t *testing.T, _ string, segs []string) {
			edit(t, segs[len(segs)-1], func(l [][]byte) [][]byte {
				n := len(l) - 1
				l[n] = rehash(bytes.Replace(l[n], []byte("segment.seal"), []byte("segment.SEAL"), 1))
				return l
			})
		}},
		{"write the whole log anew", func(t *testing.T, dir string, segs []string) { rewrite(t, segs) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := copyDir(t, clean)
			tc.spoil(t, dir, segFiles(t, dir))
			r := mustVerify(t, dir)
			if r.Status != OK {
				t.Fatalf("detected, so the report's text is wrong: %v", r)
			}
			for _, says := range []string{"not proven", "missing at the end", "written anew", "present through: record "} {
				if !strings.Contains(r.String(), says) {
					t.Errorf("report does not say %q:\n%v", says, r)
				}
			}
		})
	}
}

// rewrite changes a path everywhere and computes every hash again.
func rewrite(t *testing.T, segs []string) {
	prev := bytes.Repeat([]byte("0"), 64)
	for _, name := range segs {
		edit(t, name, func(lines [][]byte) [][]byte {
			for i, line := range lines {
				_, old, err := head(line)
				if err != nil {
					t.Fatal(err)
				}
				line = bytes.Replace(line, old[:], prev, 1)
				lines[i] = rehash(bytes.Replace(line, []byte("/project"), []byte("/nothing"), 1))
				prev = lines[i][len(lines[i])-1-len(hashEnd)-hashLen:][:hashLen]
			}
			return lines
		})
	}
}

// Every single byte of a small log matters.
func TestEveryBitFlipIsSeen(t *testing.T) {
	d := newMemDir()
	l := mustOpenMem(t, d, Options{})
	mustSync(t, l, event(1))
	mustSync(t, l, event(2))
	mustClose(t, l)
	// A second writer's segment makes the first one final.
	mustClose(t, mustOpenMem(t, d, Options{}))
	name := nameSegment(0, 0)
	for i := range d.files[name].data {
		c := d.clone()
		c.files[name].data[i] ^= 1 << (i % 8)
		if r := verifyMem(t, c, false); r.Status != Tampered {
			t.Fatalf("flipping byte %d: %v", i, r)
		}
	}
}

// The evidence a crash left behind must stay as it was.
func TestTornPartIsEvidence(t *testing.T) {
	d, name := unsynced(t)
	f := d.files[name]
	f.data = f.data[:len(f.data)-30]
	mustClose(t, mustOpenMem(t, d, Options{}))
	if r := verifyMem(t, d, false); r.Status != Damaged || r.TornTails != 1 || !strings.Contains(r.String(), "the end of a crash") {
		t.Fatalf("%v", r)
	}
	for _, tc := range []struct {
		name   string
		change func(b []byte) []byte
	}{
		{"changed", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		{"shortened", func(b []byte) []byte { return b[:len(b)-1] }},
		{"extended", func(b []byte) []byte { return append(b, 'x') }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := d.clone()
			c.files[name].data = tc.change(c.files[name].data)
			if r := verifyMem(t, c, false); r.Status != Tampered {
				t.Errorf("%v", r)
			}
		})
	}
}

// Damage to records that had been on disk is not a crash, and the log says so
// from then on; what is written later can still be read.
func TestCorruptionIsNotACrash(t *testing.T) {
	build := func(t *testing.T) (*memDir, string) {
		d := newMemDir()
		l := mustOpenMem(t, d, Options{})
		for i := range 6 {
			mustSync(t, l, event(i))
		}
		mustClose(t, l)
		return d, nameSegment(0, 0)
	}
	for _, tc := range []struct {
		name  string
		spoil func(d *memDir, f *memData)
	}{
		{"a record in the middle", func(_ *memDir, f *memData) { f.data[len(f.data)/2] ^= 1 }},
		{"the first record", func(_ *memDir, f *memData) { f.data[200] ^= 1 }},
		{"a large stretch of zeros", func(_ *memDir, f *memData) {
			f.data = append(f.data[:len(f.data)-100], make([]byte, maxUnsynced+1)...)
		}},
		{"bytes after a seal", func(_ *memDir, f *memData) { f.data = append(f.data, "tail"...) }},
		{"a hole before a segment that was begun", func(d *memDir, f *memData) {
			d.files[nameSegment(8, 0)] = &memData{data: []byte("torn"), listed: true}
			lines := bytes.SplitAfter(f.data, []byte("\n"))
			f.data = bytes.Join(lines[:5], nil)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, name := build(t)
			tc.spoil(d, d.files[name])
			before := bytes.Clone(d.files[name].data)
			l := mustOpenMem(t, d, Options{})
			if len(l.Recovered().Problems) == 0 {
				t.Error("taken for a crash")
			}
			mustSync(t, l, Record{Kind: KindAdmin, Text: "after"})
			mustClose(t, l)
			if !bytes.Equal(before, d.files[name].data) {
				t.Error("the evidence was changed")
			}
			if r := verifyMem(t, d, false); r.Status != Tampered {
				t.Errorf("%v", r)
			}
			var kinds []Kind
			lay, err := readLayout(d)
			if err != nil {
				t.Fatal(err)
			}
			w := walker{dir: d, line: func(_ *segment, _ int64, line []byte) error {
				r, err := decode(line)
				kinds = append(kinds, r.Kind)
				return err
			}}
			if w.run(lay) == nil || !slices.Contains(kinds, KindIntegrityFailed) || !slices.Contains(kinds, KindAdmin) {
				t.Errorf("read back %q", kinds)
			}
		})
	}
}

func TestHashIsRFC6962Leaf(t *testing.T) {
	// RFC 6962 and its test vectors: the leaf hash of an empty entry.
	sum := newHasher().line(nil)
	if got := string(sum[:]); got != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" {
		t.Errorf("got %s", got)
	}
	if _, err := hex.DecodeString(string(sum[:])); err != nil {
		t.Error(err)
	}
}
