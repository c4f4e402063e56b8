// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestParseLineRefuses(t *testing.T) {
	good := encodeOne(full())
	mutate := func(old, with string) []byte { return rehash(bytes.Replace(good, []byte(old), []byte(with), 1)) }
	for _, tc := range []struct {
		name string
		line []byte
		want string
	}{
		{"empty", nil, "does not end in a hash"},
		{"short", []byte("{}"), "does not end in a hash"},
		{"no hash", []byte(strings.Repeat("x", 100)), "does not end in a hash"},
		{"wrong hash", bytes.Replace(good, []byte("DENY"), []byte("ALOW"), 1), "does not match"},
		{"upper case hash", append(bytes.ToUpper(good[len(good)-70:]), good...), "does not match"},
		{"too long", append(bytes.Repeat([]byte("x"), MaxLine), good...), "longer"},
		{"another version", mutate(`{"v":1,`, `{"v":2,`), "does not start"},
		{"no number", mutate(`"seq":0`, `"seq":`), "no sequence number"},
		{"number with a zero in front", mutate(`"seq":0`, `"seq":01`), "malformed sequence"},
		{"negative number", mutate(`"seq":0`, `"seq":-1`), "malformed sequence"},
		{"number too large", mutate(`"seq":0`, `"seq":99999999999999999999`), "malformed sequence"},
		{"no previous hash", mutate(`,"prev":"`, `,"prov":"`), "no sequence number and previous hash"},
		{"previous hash too long", mutate(`","t":`, `0","t":`), "malformed previous hash"},
		{"not JSON", mutate(`"agent":`, `"agent"`), "decode record"},
		{"wrong type", mutate(`"agent":"a"`, `"agent":5`), "decode record"},
		{"bad time", mutate(`2026-11-23T`, `2026-99-23T`), "decode record"},
		{"bad base64", mutate(`"agent":"a"`, `"agent_b64":"%"`), "decode record"},
		{"bad base64 in counts", mutate(`"counts":`, `"counts_b64":`), "counts_b64"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseLine(tc.line)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want it to say %q", err, tc.want)
			}
		})
	}
	r, err := ParseLine(mutate(`"agent":"a"`, `"agent":"a","novel":{"x":[1]}`))
	if err != nil || r.Agent != "a" {
		t.Errorf("a field of the future: %v", err)
	}
}

func TestLineReader(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for _, tc := range []struct {
		name, in string
		limit    int64
		lines    []string
		end      error
	}{
		{"empty", "", -1, nil, io.EOF},
		{"one", "a\n", -1, []string{"a"}, io.EOF},
		{"empty lines", "\n\n", -1, []string{"", ""}, io.EOF},
		{"unterminated", "a\nb", -1, []string{"a"}, errTorn},
		{"limit at a line", "a\nb\n", 2, []string{"a"}, io.EOF},
		{"limit inside a line", "a\nb\n", 3, []string{"a"}, errTorn},
		{"limit beyond the end", "a\n", 10, []string{"a"}, io.EOF},
		{"longest", long[1:] + "\n", -1, []string{long[1:]}, io.EOF},
		{"too long", long + "\n", -1, nil, errLong},
		{"too long and unterminated", long, -1, nil, errLong},
		{"far too long", strings.Repeat(long, 20), -1, nil, errLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lr := newLineReader(strings.NewReader(tc.in), 0, tc.limit)
			var got []string
			var off int64
			for {
				line, at, err := lr.next()
				if err != nil {
					if !errors.Is(err, tc.end) {
						t.Errorf("ended with %v, want %v", err, tc.end)
					}
					break
				}
				if at != off {
					t.Errorf("line %d starts at %d, want %d", len(got), at, off)
				}
				off += int64(len(line)) + 1
				got = append(got, string(line))
			}
			if !reflect.DeepEqual(got, tc.lines) {
				t.Errorf("got %d lines", len(got))
			}
		})
	}
}

func TestSegmentNames(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first uint64
		gen   int
		ok    bool
	}{
		{"00000000000000000000.jsonl", 0, 0, true},
		{"18446744073709551615.jsonl", 1<<64 - 1, 0, true},
		{"00000000000000000007_0003.jsonl", 7, 3, true},
		{"00000000000000000007_0000.jsonl", 0, 0, false},
		{"18446744073709551616.jsonl", 0, 0, false},
		{"0.jsonl", 0, 0, false},
		{"00000000000000000007_3.jsonl", 0, 0, false},
		{"00000000000000000007.jsonl.bak", 0, 0, false},
		{".00000000000000000007.jsonl", 0, 0, false},
		{"log.id", 0, 0, false},
	} {
		first, gen, ok := parseSegmentName(tc.name)
		if ok != tc.ok || first != tc.first || gen != tc.gen {
			t.Errorf("%s: %d, %d, %v", tc.name, first, gen, ok)
		}
		if ok && nameSegment(first, gen) != tc.name {
			t.Errorf("%s is written as %s", tc.name, nameSegment(first, gen))
		}
	}
	if nameSegment(7, 0) >= nameSegment(7, 1) || nameSegment(7, 9999) >= nameSegment(8, 0) {
		t.Error("the order of names is not the order of segments")
	}
}

// Whatever stands in a file, parsing it ends in a record or an error, and a
// line that parses is one whose hash fits.
func FuzzParseLine(f *testing.F) {
	f.Add(encodeOne(full()), false)
	f.Add(encodeOne(Record{Kind: KindExec, Path: "\xff", Argv: []string{"\xff"}, Counts: map[string]uint64{"\xff": 1}}), true)
	f.Add([]byte(`{"v":1,"seq":0,"prev":"`), true)
	f.Add([]byte("\n"), false)
	f.Fuzz(func(t *testing.T, line []byte, fix bool) {
		if fix {
			line = rehash(append(append([]byte(nil), line...), make([]byte, tailLen+1)...))
		}
		r, err := ParseLine(line)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte(r.Hash+hashEnd)) && !fix {
			t.Fatalf("parsed, but the hash is %q", r.Hash)
		}
		_ = Sanitize(r.Path)
	})
}

// Whatever stands in a segment, every reader ends without a panic, and
// recovery leaves the bytes alone.
func FuzzSegment(f *testing.F) {
	d := newMemDir()
	l := mustOpenMem(f, d, Options{})
	mustSync(f, l, event(1))
	mustClose(f, l)
	data := d.files[nameSegment(0, 0)].data
	f.Add(data)
	f.Add(data[:len(data)-5])
	f.Add([]byte("\n\n\n"))
	f.Add(bytes.Repeat([]byte{0}, 5000))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newMemDir()
		d.files[nameSegment(0, 0)] = &memData{data: bytes.Clone(data), listed: true}
		before := verifyMem(t, d, false)
		rec, err := recoverLog(d)
		if err != nil {
			t.Fatalf("recover: %v", err)
		}
		// No goroutine here: the fuzzer needs each run to be the same.
		opt, _ := Options{Boot: "b"}.withDefaults()
		w := &writer{log: &Log{}, opt: opt, dir: d, id: testLogID, hash: newHasher()}
		err = w.begin(rec)
		if err != nil {
			t.Fatalf("begin: %v", err)
		}
		if !bytes.Equal(d.files[nameSegment(0, 0)].data, data) && len(data) > 0 {
			t.Fatal("recovery changed the segment")
		}
		if after := verifyMem(t, d, false); after.Records < before.Records && before.Status != Tampered {
			t.Fatalf("before %v, after %v", before, after)
		}
	})
}
