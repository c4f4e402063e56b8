// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"caisson/policy"
)

const candidate = `
agent: a
rules:
  - { name: office, action: file_read, conditions: { path: { starts_with: /data } }, effect: ALLOW, schedule: [ { days: [mon], from: "09:00", until: "17:00" } ] }
  - { name: no-rm, action: shell_exec, conditions: { command: { starts_with: /bin/rm } }, effect: DENY }
  - { name: build, action: shell_exec, conditions: { command: { equals: /bin/npm run build } }, effect: ALLOW }
  - { name: git, action: shell_exec, conditions: { command: { starts_with: /bin/git } }, effect: ALLOW }
  - { name: no-evil, action: network, conditions: { host: { equals: evil.example } }, effect: DENY }
  - { name: known, action: network, conditions: { host: { equals: known.example } }, effect: ALLOW }
  - { name: inside, action: network, conditions: { address: { equals: 10.0.0.0/8 } }, effect: ALLOW }
`

var (
	monday  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tuesday = monday.Add(24 * time.Hour)
)

func must(t *testing.T, s policy.Subject, err error) policy.Subject {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAdd says of single events what becomes of them.
func TestAdd(t *testing.T) {
	read := func(p string) policy.Subject {
		s, err := policy.PathSubject(policy.FileRead, p)
		return must(t, s, err)
	}
	run := func(cut bool, argv ...string) policy.Subject {
		s, _, err := policy.ArgvSubject(policy.Env{}, argv, cut)
		return must(t, s, err)
	}
	connect := func(at string) policy.Subject { s, err := policy.AddressSubject(at, "tcp"); return must(t, s, err) }
	for _, tc := range []struct {
		name    string
		event   Event
		change  string // old and new rule
		unknown string
	}{
		{"open", Event{Subject: read("/data/x"), Verdict: policy.Allow, Rule: "old", Time: monday}, "", ""},
		{"closed", Event{Subject: read("/data/x"), Verdict: policy.Allow, Rule: "old", Time: tuesday}, "old no-rule", ""},
		{"opened", Event{Subject: read("/data/x"), Verdict: policy.Deny, Time: monday}, "no-rule office", ""},
		{"all words known", Event{Subject: run(false, "/bin/npm", "run", "build"), Verdict: policy.Allow}, "", ""},
		{"hidden words matter", Event{Subject: run(true, "/bin/npm", "run"), Verdict: policy.Allow}, "", UnknownWords},
		{"hidden words do not", Event{Subject: run(true, "/bin/git"), Verdict: policy.Allow}, "", ""},
		{"whatever they are", Event{Subject: run(true, "/bin/ls"), Verdict: policy.Allow, Rule: "ls"}, "ls no-rule", ""},
		{"a descendant", Event{Subject: run(false, "/bin/cc"), Verdict: policy.Allow, Lineage: true}, "", UnknownLineage},
		{"a descendant that is denied", Event{Subject: run(false, "/bin/rm"), Verdict: policy.Allow, Lineage: true}, "no-rule no-rm", ""},
		{"a descendant that is allowed", Event{Subject: run(false, "/bin/git"), Verdict: policy.Allow, Lineage: true}, "", ""},
		{"a host nobody knows", Event{Subject: connect("192.0.2.1:443"), Verdict: policy.Deny}, "", ""},
		{"a host that is known", Event{Subject: connect("192.0.2.7:443"), Verdict: policy.Deny}, "", UnknownNames},
		{"inside, or evil", Event{Subject: connect("10.1.1.1:443"), Verdict: policy.Allow}, "", UnknownNames},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := policy.Parse("f.yaml", []byte(candidate))
			if err != nil {
				t.Fatal(err)
			}
			r, err := New(p, policy.Env{LookupHost: func(host string) []netip.Addr {
				if host == "known.example" {
					return []netip.Addr{netip.MustParseAddr("192.0.2.7")}
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if tc.event.Time.IsZero() {
				tc.event.Time = monday
			}
			if err := r.Add(tc.event); err != nil {
				t.Fatal(err)
			}

			change := ""
			for _, c := range r.Changes() {
				change += c.Old.Rule + " " + c.New.Rule
			}
			unknown := ""
			for why := range maps.Keys(r.Unknown) {
				unknown = why
			}
			if change != tc.change || unknown != tc.unknown || r.Events+r.Skipped() != 1 {
				t.Errorf("change %q, unknown %q, want %q, %q", change, unknown, tc.change, tc.unknown)
			}
		})
	}
}

// TestChanges are grouped, and the most frequent comes first.
func TestChanges(t *testing.T) {
	p, err := policy.Parse("f.yaml", []byte(candidate))
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a", "/b", "/b", "/data/x"} {
		s, err := policy.PathSubject(policy.FileRead, path)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add(Event{Subject: s, Text: path, Verdict: policy.Allow, Rule: "old", Time: monday}); err != nil {
			t.Fatal(err)
		}
	}
	r.Skip("because", 0)
	r.Skip("because", 5)
	var order []string
	for _, c := range r.Changes() {
		order = append(order, c.Subject)
	}
	if !slices.Equal(order, []string{"/b", "/a"}) || r.Changes()[0].Count != 2 || r.Same != 1 || r.Events != 4 || r.Skipped() != 6 {
		t.Errorf("changes %+v, same %d of %d, skipped %d", r.Changes(), r.Same, r.Events, r.Skipped())
	}
}
