// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"

	"caisson/bpf/layout"
)

// TestJudge: the answers of one compiled policy are those that Evaluate gives by compiling for each.
func TestJudge(t *testing.T) {
	p, err := Parse("f.yaml", []byte("agent: a\nrules:\n  - { name: r, action: file_read, conditions: { path: { starts_with: /r } }, effect: ALLOW }\n"+
		"  - { name: x, action: shell_exec, conditions: { command: { starts_with: npm test } }, effect: REQUIRE_APPROVAL }\n"+
		"  - { name: odd, action: file_read, conditions: { path: { regex: '/odd/[0-9]+' } }, effect: ALLOW }\n"+
		"  - { name: u, action: network, conditions: { url: { equals: https://u.example } }, effect: ALLOW }\n"))
	if err != nil {
		t.Fatal(err)
	}
	env := Env{Shells: []string{"/bin/sh"}}
	j, err := NewJudge(p, env, "a")
	if err != nil || !j.HasPolicy() {
		t.Fatal(err)
	}
	set := &Set{Policies: map[string]*Policy{"a": p}}
	for _, tc := range []struct{ subject, want string }{
		{"/r/x", "ALLOW r"}, {"/s", "DENY "}, {"/odd/1", "ALLOW odd"}, {"/odd/x", "DENY "}, {"/etc/hosts", "ALLOW baseline:names"}, {strings.Repeat("/d", 127), "DENY "},
		{"exec npm test x", "REQUIRE_APPROVAL x"}, {"exec /bin/sh -c x", "ALLOW baseline:shell"}, {"connect u.example:443", "ALLOW u"}, {"connect u.example:80", "DENY "},
	} {
		s := judged(t, tc.subject)
		a := j.Answer(s)
		if got := a.Effect.String() + " " + a.Rule; got != tc.want {
			t.Errorf("%s: %s, want %s", tc.subject, got, tc.want)
		}
		if b := Evaluate(set, env, "a", s); b.Effect != a.Effect || b.Rule != a.Rule || b.Reason != a.Reason || (b.Resolved == nil) != (a.Resolved == nil) {
			t.Errorf("%s: Evaluate says %+v, the judge %+v", tc.subject, b, a)
		}
	}
	none, err := NewJudge(nil, env, "b")
	if err != nil || none.HasPolicy() || none.Answer(judged(t, "/r/x")).Reason != ReasonNoPolicy {
		t.Errorf("without a policy: %v", err)
	}
}

func judged(t *testing.T, text string) Subject {
	t.Helper()
	var s Subject
	var err error
	if command, ok := strings.CutPrefix(text, "exec "); ok {
		s, _, err = ArgvSubject(Env{}, strings.Fields(command), false)
	} else if target, ok := strings.CutPrefix(text, "connect "); ok {
		s, err = ConnectSubject(target)
	} else {
		s, err = PathSubject(FileRead, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestArgvSubject sees as many bytes of words as the kernel does.
func TestArgvSubject(t *testing.T) {
	word := strings.Repeat("x", 99)
	long := []string{"/bin/npm"}
	for range 40 {
		long = append(long, word)
	}
	s, _, err := ArgvSubject(Env{}, long, false)
	if want := (layout.MaxArgvBytes - len("/bin/npm") - 1) / 100; err != nil || len(s.Args) != want || !s.TruncatedArgs {
		t.Errorf("%d words, cut %v, %v; want %d", len(s.Args), s.TruncatedArgs, err, want)
	}
	if s, _, err := ArgvSubject(Env{}, []string{"/bin/npm", "a b", "", "$x"}, false); err != nil || len(s.Args) != 3 || s.TruncatedArgs {
		t.Errorf("plain words: %v, %v", s, err)
	}
	for _, argv := range [][]string{nil, {"a/b"}, {"/"}, {""}, {"/bin/a\x00"}, {"/bin/a", "b\x00"}, {strings.Repeat("x", 256)}} {
		if s, _, err := ArgvSubject(Env{}, argv, false); err == nil {
			t.Errorf("%.20q is a subject: %v", argv, s)
		}
	}
}

// TestConnectSubject reads places.
func TestConnectSubject(t *testing.T) {
	for _, tc := range []struct {
		text  string
		proto uint8
		port  uint16
		host  string // "": by address
	}{
		{"192.0.2.1:443", ProtoTCP, 443, ""}, {"[2001:db8::1]:22", ProtoTCP, 22, ""}, {"udp://192.0.2.1:53", ProtoUDP, 53, ""},
		{"tcp://h.example:1", ProtoTCP, 1, "h.example"}, {"H.Example.:65535", ProtoTCP, 65535, "h.example"}, {"udp://h:53", ProtoUDP, 53, "h"},
		{"https://h.example", ProtoTCP, 443, "h.example"},
	} {
		s, err := ConnectSubject(tc.text)
		if err != nil || s.Proto != tc.proto || s.Port != tc.port || (s.URL == nil) != (tc.host == "") || s.URL != nil && s.URL.Host != tc.host {
			t.Errorf("%s: %+v, %v", tc.text, s, err)
		}
	}
	for _, text := range []string{"", "h", "h:", "h:0", "h:65536", "h:+1", ":1", "192.0.2.1", "[::1]", "[fe80::1%eth0]:1", "udp://h", "a b:1", "1.2.3:80"} {
		if s, err := ConnectSubject(text); err == nil {
			t.Errorf("%q is a place: %+v", text, s)
		}
	}
}
