// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"caisson/audit"
)

func TestRecordText(t *testing.T) {
	for _, tc := range []struct {
		name                     string
		rec                      audit.Record
		verdict, kind, sub, rule string
	}{
		{"file", audit.Record{Kind: "file.open", Op: "open", Verdict: "ALLOW", Enforced: "allow", Rule: "r", Path: "/x"}, "ALLOW", "file.open", "/x", "r"},
		{"operation", audit.Record{Kind: "file.rename", Op: "rename-to", Path: "/x", Path2: "/y", Reason: "no-rule"}, "", "file.rename/rename-to", "/x -> /y", "no-rule"},
		{"allowed, but denied", audit.Record{Kind: "exec", Verdict: "ALLOW", Enforced: "deny"}, "ALLOW (denied)", "exec", "", ""},
		{"denied, but only observed", audit.Record{Kind: "exec", Verdict: "DENY", Enforced: "observed"}, "DENY (observed)", "exec", "", ""},
		{"denied, but allowed", audit.Record{Kind: "exec", Verdict: "DENY", Enforced: "allow"}, "DENY (allowed)", "exec", "", ""},
		{"waiting", audit.Record{Kind: "exec", Verdict: "REQUIRE_APPROVAL", Enforced: "held"}, "REQUIRE_APPROVAL (held)", "exec", "", ""},
		{"approved", audit.Record{Kind: "exec", Verdict: "REQUIRE_APPROVAL", Enforced: "allow"}, "REQUIRE_APPROVAL (allowed)", "exec", "", ""},
		{"not approved", audit.Record{Kind: "exec", Verdict: "REQUIRE_APPROVAL", Enforced: "deny"}, "REQUIRE_APPROVAL", "exec", "", ""},
		{"IPv4", audit.Record{Kind: "net.connect", Proto: "tcp", Addr: "10.0.0.1", Port: 80}, "", "net.connect", "tcp 10.0.0.1:80", ""},
		{"unix socket", audit.Record{Kind: "net.connect", Proto: "unix", Path: "/run/x"}, "", "net.connect", "/run/x", ""},
		{"other family", audit.Record{Kind: "net.connect", Proto: "family 16"}, "", "net.connect", "family 16", ""},
		{"folded", audit.Record{Kind: "file.open", Count: 9}, "", "file.open", "(9 times)", ""},
		{"gap", audit.Record{Kind: "gap", Counts: map[string]uint64{"b": 2, "a": 1}}, "", "gap", "a=1 b=2", ""},
		{"seal", audit.Record{Kind: "segment.seal", Seal: &audit.SegmentSeal{Records: 4, From: logStart}}, "", "segment.seal", "4 records from 2026-05-01T12:00:00Z", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &tc.rec
			got := [4]string{verdict(r), kind(r), subject(r), because(r)}
			if want := [4]string{tc.verdict, tc.kind, tc.sub, tc.rule}; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestRecordJSON reads back what was written: nothing is lost, whatever bytes it holds.
func TestRecordJSON(t *testing.T) {
	root := uint32(0)
	in := audit.Record{V: 1, T: logStart, Dur: -1, Kind: audit.KindExec, UID: &root, Path: "/a\xff", Argv: []string{"ok", "\xfe"},
		Rule: "plain ä", Kseq: &audit.Kseq{CPU: 0, N: 5}}
	u, out, _ := recorded()
	if err := u.recordJSON(&in); err != nil {
		t.Fatal(err)
	}
	if err := u.flush(); err != nil {
		t.Fatal(err)
	}

	want := `{"v":1,"seq":0,"prev":"","t":"2026-05-01T12:00:00Z","kseq":{"cpu":0,"n":5},"kind":"exec","rule":"plain ä","uid":0,` +
		`"path_b64":"L2H/","argv_b64":["b2s=","/g=="]}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out, want)
	}
	var back struct {
		Path []byte   `json:"path_b64"`
		Argv [][]byte `json:"argv_b64"`
		T    time.Time
	}
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || string(back.Path) != in.Path ||
		!reflect.DeepEqual(back.Argv, [][]byte{[]byte("ok"), []byte("\xfe")}) {
		t.Errorf("read back %q, error %v", back, err)
	}
	if bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Error("a record is one line")
	}
}
