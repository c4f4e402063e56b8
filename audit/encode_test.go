// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// encodeOne makes the line a writer would make of r at the start of a log.
func encodeOne(r Record) []byte {
	c := chain{prev: zeroDigest}
	return newEntry(&r, "boot").appendLine(nil, &c, -1, newHasher())
}

// full has every field a caller can set.
func full() Record {
	uid := uint32(0)
	return Record{
		T: time.Date(2026, 11, 23, 1, 8, 0, 123456789, time.UTC), Boot: "6f1f", Mono: 5, Kseq: &Kseq{CPU: 0, N: 991},
		Agent: "a", Run: "r", Kind: KindExec, Action: "shell_exec", Op: "bprm_check", Verdict: VerdictDeny,
		Enforced: EnforcedDeny, Rule: "no-rm", Reason: "because", Where: "kernel", Gen: 7, Pol: "01020304",
		PID: 1, TID: 2, Start: 3, PPID: 4, UID: &uid, Cg: 5, Comm: "c", Exe: "/e", Path: "/p", Path2: "/q",
		Argc: 3, Argv: []string{"rm", "-rf", ""}, Proto: "tcp", Addr: "192.0.2.1", Port: 443, Host: "h.example",
		Count: 12, Counts: map[string]uint64{"ring_full": 3, "too_big": 0}, Text: "t", Actor: &Actor{0, 0, 9, "anna", "pts/1"}, Ask: "r1-abc",
	}
}

// The line is the format: a change here is a change of version.
func TestLineIsStable(t *testing.T) {
	want := `{"v":1,"seq":0,"prev":"` + strings.Repeat("0", 64) + `","t":"2026-11-23T01:08:00.123456789Z","boot":"6f1f","mono":5,` +
		`"kseq":{"cpu":0,"n":991},"agent":"a","run":"r","kind":"exec","action":"shell_exec","op":"bprm_check","verdict":"DENY",` +
		`"enforced":"deny","rule":"no-rm","reason":"because","where":"kernel","gen":7,"pol":"01020304","pid":1,"tid":2,"start":3,` +
		`"ppid":4,"uid":0,"cg":5,"comm":"c","exe":"/e","path":"/p","path2":"/q","argc":3,"argv":["rm","-rf",""],"proto":"tcp",` +
		`"addr":"192.0.2.1","port":443,"host":"h.example","count":12,"counts":{"ring_full":3,"too_big":0},"text":"t",` +
		`"actor":{"uid":0,"gid":0,"pid":9,"user":"anna","tty":"pts/1"},"ask":"r1-abc","hash":"`
	got := string(encodeOne(full()))
	if !strings.HasPrefix(got, want) || len(got) != len(want)+64+3 {
		t.Errorf("got  %s\nwant %s…", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	invalid := full()
	for _, f := range stringFields(&invalid) {
		*f = "x\xff" + *f
	}
	invalid.Kind, invalid.Boot = "odd\xfe", "6f1f"
	invalid.Argv = []string{"fine", "\x80"}
	invalid.Counts = map[string]uint64{"\xff": 1, "ok": 2}
	hostile := full()
	hostile.Path = "/a\",\"verdict\":\"ALLOW\"}\n{\x1b[2J\u202e\\"
	for name, r := range map[string]Record{
		"full": full(), "minimal": {Kind: KindGap, T: time.Unix(1, 0).UTC(), Boot: "b", Mono: 1}, "invalid UTF-8": invalid, "hostile": hostile,
	} {
		t.Run(name, func(t *testing.T) {
			line := encodeOne(r)
			if strings.Count(string(line), "\n") != 1 || strings.ContainsRune(string(line), '\ufffd') {
				t.Errorf("line is %q", line)
			}
			got, err := ParseLine(line)
			if err != nil {
				t.Fatal(err)
			}
			want := r
			want.V, want.Prev, want.Dur, want.Hash = 1, strings.Repeat("0", 64), -1, got.Hash
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// stringFields returns the string fields a caller sets, Kind and Boot aside.
func stringFields(r *Record) []*string {
	var out []*string
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).Type() == reflect.TypeFor[string]() && !slices.Contains([]string{"Prev", "Boot", "Hash"}, name) {
			out = append(out, v.Field(i).Addr().Interface().(*string))
		}
	}
	return out
}

func TestCut(t *testing.T) {
	long := "/" + strings.Repeat("d/", 10000)
	for _, tc := range []struct {
		name string
		r    Record
		cut  []string
	}{
		{"nothing", Record{Path: "/x"}, nil},
		{"two paths that fit", Record{Path: long[:7000], Path2: long[:7000]}, nil},
		{"path", Record{Path: long}, []string{"path"}},
		{"only the long one", Record{Path: long, Exe: "/usr/bin/node", Rule: "r"}, []string{"path"}},
		{"both ends of a rename", Record{Path: long, Path2: long}, []string{"path", "path2"}},
		{"many arguments", Record{Argc: 9999, Argv: slices.Repeat([]string{"--flag"}, 9999)}, []string{"argv"}},
		{"one long argument", Record{Argv: []string{"sh", "-c", long}}, []string{"argv"}},
		{"empty arguments", Record{Argv: make([]string, 20000)}, []string{"argv"}},
		{"text of controls", Record{Text: strings.Repeat("\x01", 4000)}, []string{"text"}},
		{"bytes", Record{Path: strings.Repeat("\xff", 20000)}, []string{"path"}},
		{"many counts", Record{Counts: manyCounts(5000)}, []string{"counts"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.r.Kind = KindExec
			line := encodeOne(tc.r)
			if len(line) > MaxLine {
				t.Fatalf("line has %d bytes", len(line))
			}
			got, err := ParseLine(line)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Cut, tc.cut) {
				t.Errorf("cut %q, want %q", got.Cut, tc.cut)
			}
			if !strings.HasPrefix(tc.r.Path, got.Path) || !strings.HasPrefix(tc.r.Text, got.Text) || got.Argc != tc.r.Argc {
				t.Errorf("what is left is not the beginning of what was there")
			}
			if len(tc.cut) > 0 && got.Path == "" && got.Path2 == "" && got.Text == "" && len(got.Argv) == 0 && len(got.Counts) == 0 {
				t.Errorf("nothing is left")
			}
		})
	}
}

func manyCounts(n int) map[string]uint64 {
	m := map[string]uint64{}
	for i := range n {
		m[fmt.Sprintf("cause-%d", i)] = uint64(i)
	}
	return m
}

// Whatever an agent puts in, a line fits, with room for what the writer adds.
func TestWorstCaseFits(t *testing.T) {
	for name, fill := range map[string]string{
		"controls": "\x01", "bytes": "\xff", "tags": "\U000e0041", "quotes": `"`, "letters": "a",
	} {
		t.Run(name, func(t *testing.T) {
			r := full()
			huge := strings.Repeat(fill, 30000)
			for _, f := range stringFields(&r) {
				*f = huge
			}
			r.Kind, r.Boot = Kind(huge), huge
			r.Argv = slices.Repeat([]string{huge}, 50)
			r.Counts = map[string]uint64{huge: 1, huge + "x": 1<<64 - 1}
			e := newEntry(&r, "boot")
			e.open = &SegmentOpen{Log: testLogID, Tails: []SegmentTail{{
				PrevSeg: nameSegment(1<<64-1, maxGen), ValidSeq: 1<<64 - 1, ValidBytes: 1<<63 - 1, TornBytes: 1<<63 - 1,
				TornSHA256: strings.Repeat("f", 64), Why: EndCorrupt, Err: strings.Repeat("e", 5000),
			}}}
			c := chain{next: 1<<64 - 2, prev: zeroDigest}
			line := e.appendLine(nil, &c, 1<<63-1, newHasher())
			if len(line) > MaxLine {
				t.Fatalf("line has %d bytes", len(line))
			}
			if _, err := ParseLine(line); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A segment may follow many without a sound record, and still say so in one line.
func TestOpeningFits(t *testing.T) {
	tail := SegmentTail{PrevSeg: nameSegment(1<<64-1, maxGen), ValidSeq: 1<<64 - 1, ValidBytes: 1<<63 - 1, TornBytes: 1<<63 - 1,
		TornSHA256: strings.Repeat("f", 64), Why: EndCorrupt, Err: strings.Repeat("\x7f", maxErr)}
	e := newEntry(&Record{Kind: KindSegmentOpen}, "boot")
	e.open = &SegmentOpen{Log: testLogID}
	for range maxTails {
		t := tail
		t.Err = ""
		e.open.Tails = append(e.open.Tails, t)
	}
	// One more, with its error, if the new segment is then given up as well.
	tail.Err = Sanitize(tail.Err)
	e.open.Tails = append(e.open.Tails, tail)
	line := e.appendLine(nil, &chain{prev: zeroDigest}, 1<<63-1, newHasher())
	if len(line) > MaxLine {
		t.Fatalf("line has %d bytes", len(line))
	}
	r, err := ParseLine(line)
	if err != nil || len(r.Open.Tails) != maxTails+1 {
		t.Fatalf("%v, %+v", err, r.Open)
	}
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	for n := 1; n < 12; n++ {
		got := clip("aé€😀aé€😀", n)
		if len(got) > n || strings.ContainsRune(got, '\ufffd') {
			t.Errorf("%d bytes: %q", n, got)
		}
	}
}

func TestOddClocks(t *testing.T) {
	for name, at := range map[string]time.Time{
		"absent": {}, "year 0": time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "year 12026": time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			r, err := ParseLine(encodeOne(Record{Kind: KindExec, T: at}))
			if err != nil || r.T.Before(before.Truncate(0)) {
				t.Errorf("%v, %v", r.T, err)
			}
		})
	}
	local := time.Date(2026, 1, 1, 12, 0, 0, 0, time.FixedZone("x", 3600))
	if line := string(encodeOne(Record{Kind: KindExec, T: local})); !strings.Contains(line, `"t":"2026-01-01T11:00:00Z"`) {
		t.Errorf("not in UTC: %s", line)
	}
}
