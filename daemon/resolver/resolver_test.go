// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

const (
	me  = 3  // number of the agent
	gen = 17 // generation of its policy
	run = 99 // cgroup id of its run
)

// bench is a resolver with one agent and what it wrote.
type bench struct {
	*Resolver
	image   *policy.Image
	records []audit.Record
	fail    error
	now     time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	p, err := policy.Parse("t.yaml", []byte(`agent: coder
rules:
  - name: reads
    action: file_read
    conditions: { path: { starts_with: /project } }
    effect: ALLOW
  - name: tests
    action: shell_exec
    conditions: { command: { starts_with: /usr/bin/npm test } }
    effect: ALLOW
  - name: deploys
    action: shell_exec
    conditions: { command: { starts_with: /usr/bin/npm deploy } }
    effect: REQUIRE_APPROVAL
  - name: api
    action: network
    conditions: { address: { equals: 192.0.2.0/24 }, port: { equals: 443 } }
    effect: ALLOW
`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}

	b := &bench{image: m, now: time.Unix(5000, 0)}
	b.Resolver = New(Options{
		Record: func(r audit.Record) error { b.records = append(b.records, r); return b.fail },
		Path:   func(_ uint32, path string) string { return "/mnt" + path },
		Run:    func(cg uint64) string { return map[uint64]string{run: "abc"}[cg] },
		Clock:  func() (time.Time, uint64) { return b.now, 1000 },
	})
	b.Name(me, "coder")
	b.Learn(me, gen, p, policy.Env{}, m)
	return b
}

// ask makes the event that the kernel would report, with the verdict of the image.
func (b *bench) ask(action policy.Action, op uint8, path, argv string, argc int) layout.Event {
	e := layout.Event{N: 1, Time: 1000, Run: run, Agent: me, Generation: gen, Action: uint8(action), Op: op, Argc: uint16(argc)}
	e.StartNode = b.image.Node(int(action))
	words, cut := split([]byte(argv), argc)
	s := (&event{Event: e, path: []byte(path), words: words, cut: cut}).subject()
	b.settle(&e, b.image.RunFrom(e.StartNode, s))
	return e
}

// settle puts a verdict into an event.
func (b *bench) settle(e *layout.Event, v policy.Verdict) {
	e.Verdict = v.Word()
	if v.Effect != policy.Allow {
		e.Denied = 1
	}
}

func TestHandle(t *testing.T) {
	tests := []struct {
		name               string
		action             policy.Action
		op                 uint8
		path, argv         string
		argc               int
		verdict, rule, why string
		kind               audit.Kind
		args               string
	}{
		{"read allowed", policy.FileRead, layout.OpOpen, "/project/f", "", 0, "ALLOW", "reads", "", audit.KindFileOpen, ""},
		{"read of something else", policy.FileRead, layout.OpOpen, "/data/f", "", 0, "DENY", "", "no-rule", audit.KindFileOpen, ""},
		{"root of a file system", policy.FileRead, layout.OpOpen, "", "", 0, "DENY", "", "no-rule", audit.KindFileOpen, ""},
		{"write", policy.FileWrite, layout.OpUnlink, "/project/f", "", 0, "DENY", "", "no-rule", audit.KindFileUnlink, ""},
		{"rename", policy.FileWrite, layout.OpRenameTo, "/project/f", "", 0, "DENY", "", "no-rule", audit.KindFileRename, ""},
		{"command allowed", policy.ShellExec, layout.OpExec, "/usr/bin/npm", "x\x00test\x00--k=v\x00", 3, "ALLOW", "tests", "", audit.KindExec, "test --k=…"},
		{"command for approval", policy.ShellExec, layout.OpExec, "/usr/bin/npm", "npm\x00deploy\x00s3\x00", 3, "REQUIRE_APPROVAL", "deploys", "", audit.KindExec, "deploy …"},
		{"command with too few words", policy.ShellExec, layout.OpExec, "/usr/bin/npm", "test\x00", 1, "DENY", "", "no-rule", audit.KindExec, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			if err := b.Handle(b.ask(tc.action, tc.op, tc.path, tc.argv, tc.argc), []byte(tc.path), []byte(tc.argv)); err != nil {
				t.Fatal(err)
			}
			if len(b.records) != 1 {
				t.Fatalf("%d records: %+v", len(b.records), b.records)
			}
			r := b.records[0]
			if r.Verdict != tc.verdict || r.Rule != tc.rule || r.Reason != tc.why || r.Kind != tc.kind {
				t.Errorf("got %s by %q because %q, kind %s", r.Verdict, r.Rule, r.Reason, r.Kind)
			}
			if r.Agent != "coder" || r.Run != "abc" || r.Gen != gen || len(r.Pol) != 8 || r.Action != tc.action.String() || r.Where != "kernel" {
				t.Errorf("not attributed: %+v", r)
			}
			if (r.Enforced == audit.EnforcedAllow) != (tc.verdict == "ALLOW") || r.Path != "/mnt"+tc.path {
				t.Errorf("enforced %q, path %q", r.Enforced, r.Path)
			}
			if got := strings.Join(r.Argv, " "); got != tc.args || r.Argc != tc.argc {
				t.Errorf("%d arguments: %q, want %q", r.Argc, got, tc.args)
			}
			if !r.T.Equal(b.now) || r.Kseq == nil || r.Kseq.N != 1 {
				t.Errorf("time %v, number %v", r.T, r.Kseq)
			}
		})
	}
}

// A Unix socket is judged by its names from the root, an abstract one by its single name, whatever is in that.
func TestUnixSubjects(t *testing.T) {
	for path, want := range map[string]struct {
		names   string // separated by "|"
		written string
	}{
		"/run/x":    {"run|x", "/mnt/run/x"},
		"":          {"", "/mnt"},
		"@/a/b":     {"@/a/b", "@a/b"},
		"@/":        {"@/", "@"},
		"@/a\x00/b": {"@/a\x00/b", "@a\x00/b"},
		"/@/x":      {"@|x", "/mnt/@/x"},
	} {
		e := &event{Event: layout.Event{Action: layout.ActionNet, Family: unix.AF_UNIX}, path: []byte(path)}
		s := e.subject()
		if got := string(bytes.Join(s.Names, []byte("|"))); got != want.names || s.Proto != policy.ProtoUnix {
			t.Errorf("%q: names %q of protocol %d", path, got, s.Proto)
		}
		if got := newBench(t).socketPath(e); got != want.written {
			t.Errorf("%q is written %q", path, got)
		}
	}
}

func TestNetwork(t *testing.T) {
	tests := []struct {
		name, addr           string
		port                 uint16
		family               int
		proto                uint16
		reason               uint8
		verdict, writtenAddr string
		writtenProto         string
	}{
		{"allowed", "::ffff:192.0.2.7", 443, unix.AF_INET, 6, 0, "ALLOW", "192.0.2.7", "tcp"},
		{"other port", "::ffff:192.0.2.7", 80, unix.AF_INET, 6, 0, "DENY", "192.0.2.7", "tcp"},
		{"udp", "2001:db8::1", 53, unix.AF_INET6, 17, 0, "DENY", "2001:db8::1", "udp"},
		{"raw socket", "::", 0, unix.AF_INET, 1, layout.ReasonFamily, "DENY", "::", "protocol 1"},
		{"packet socket", "::", 0, 17, 0, layout.ReasonFamily, "DENY", "", "family 17"},
		{"unix socket", "::", 0, unix.AF_UNIX, 0, 0, "DENY", "", "unix"},
		{"unix socket that is closing", "::", 0, unix.AF_UNIX, 0, layout.ReasonUnreadable, "DENY", "", "unix"},
		{"control socket", "::", 0, unix.AF_UNIX, 0, layout.ReasonControl, "ALLOW", "", "unix"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			e := layout.Event{Run: run, Agent: me, Generation: gen, Action: layout.ActionNet, Op: layout.OpConnect, Reason: tc.reason,
				Family: uint16(tc.family), Proto: tc.proto, Port: tc.port, Addr: netip.MustParseAddr(tc.addr).As16(), Denied: 1}
			if tc.reason == layout.ReasonControl {
				e.Denied = 0
			}
			if tc.reason == layout.ReasonPolicy {
				s := (&event{Event: e, path: []byte("/run/x")}).subject()
				v := b.image.Run(s)
				e.Denied = 0
				b.settle(&e, v)
				// The start node is not exported for networks: find the one from which the image says the same.
				for e.StartNode = 1; b.image.RunFrom(e.StartNode, s) != v; e.StartNode++ {
				}
			}
			if err := b.Handle(e, []byte("/run/x"), nil); err != nil {
				t.Fatal(err)
			}
			r := b.records[0]
			if len(b.records) != 1 || r.Verdict != tc.verdict || r.Addr != tc.writtenAddr || r.Proto != tc.writtenProto {
				t.Errorf("%d records, got %s for %q %q", len(b.records), r.Verdict, r.Proto, r.Addr)
			}
			if tc.family == unix.AF_UNIX && r.Path != "/mnt/run/x" {
				t.Errorf("path %q", r.Path)
			}
		})
	}
}

func TestDisagreement(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bench, *layout.Event)
		says   string // part of the text; "": they agree
	}{
		{"agree", func(*bench, *layout.Event) {}, ""},
		{"kernel allowed what is denied", func(b *bench, e *layout.Event) { e.Verdict, e.Denied = layout.Verdict(layout.EffectAllow, 0), 0 }, `kernel: ALLOW by rule "reads"; user space: DENY by no rule`},
		{"rule that does not exist", func(b *bench, e *layout.Event) { e.Verdict = layout.Verdict(layout.EffectDeny, 5000) }, "does not exist"},
		{"verdict not carried out", func(b *bench, e *layout.Event) { e.Denied = 0 }, "answer was not that"},
		{"not decided by the image", func(b *bench, e *layout.Event) {
			e.Reason, e.Verdict = layout.ReasonNotMounted, layout.Verdict(layout.EffectAllow, 0)
		}, ""},
		{"generation unknown", func(b *bench, e *layout.Event) { e.Generation, e.Verdict = 4, layout.Verdict(layout.EffectDeny, 2) }, ""},
		{"start node of an older mount table", func(b *bench, e *layout.Event) { e.StartNode = 0 }, ""},
		{"start node that is none", func(b *bench, e *layout.Event) { e.StartNode = 1 << 30 }, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			e := b.ask(policy.FileRead, layout.OpOpen, "/data/f", "", 0)
			tc.change(b, &e)
			if err := b.Handle(e, []byte("/data/f"), nil); err != nil {
				t.Fatal(err)
			}

			var found []audit.Record
			for _, r := range b.records {
				if r.Kind == audit.KindDisagreement {
					found = append(found, r)
				}
			}
			if tc.says == "" && len(found) == 0 && b.Stats().Disagreements == 0 && len(b.records) == 1 {
				return
			}
			if len(found) != 1 || b.Stats().Disagreements != 1 || tc.says == "" || !strings.Contains(found[0].Text, tc.says) {
				t.Errorf("want a disagreement that says %q, got %+v", tc.says, b.records)
			}
			if len(b.records) != 2 {
				t.Errorf("%d records: the event itself is missing", len(b.records))
			}
		})
	}
}

func TestFold(t *testing.T) {
	b := newBench(t)
	read := func(path string) {
		t.Helper()
		if err := b.Handle(b.ask(policy.FileRead, layout.OpOpen, path, "", 0), []byte(path), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		read("/usr/lib/libc.so.6")
	}
	read("/dev/null")
	if len(b.records) != 0 {
		t.Fatalf("baseline reads were written one by one: %+v", b.records)
	}

	if err := b.Tick(b.now.Add(foldTime - 1)); err != nil || len(b.records) != 0 {
		t.Fatalf("written before the minute is over: %v, %v", b.records, err)
	}
	if err := b.Tick(b.now.Add(foldTime)); err != nil {
		t.Fatal(err)
	}
	if len(b.records) != 1 {
		t.Fatalf("%d counting records", len(b.records))
	}
	r := b.records[0]
	if r.Count != 4 || r.Counts["baseline:libraries"] != 3 || r.Counts["baseline:devices"] != 1 || r.Agent != "coder" || r.Run != "abc" || r.Rule != "baseline" {
		t.Errorf("counting record %+v", r)
	}

	read("/dev/zero")
	counts, err := b.EndRun(run)
	if err != nil || len(b.records) != 2 || counts.Allowed != 5 || counts.Denied != 0 {
		t.Errorf("end of the run: %+v, %d records, %v", counts, len(b.records), err)
	}
	if c := b.Run(run); c != (Counts{}) {
		t.Errorf("a run that ended still counts %+v", c)
	}

	read("/dev/full")
	if err := b.Flush(); err != nil || len(b.records) != 3 {
		t.Errorf("flush: %d records, %v", len(b.records), err)
	}
	if c := b.Agent(me); c.Allowed != 6 || b.Stats().Received != 6 {
		t.Errorf("counted %+v, %+v", c, b.Stats())
	}
}

func TestDeniedReadIsNeverFolded(t *testing.T) {
	b := newBench(t)
	e := b.ask(policy.FileRead, layout.OpOpen, "/dev/null", "", 0)
	e.Denied = 1
	if err := b.Handle(e, []byte("/dev/null"), nil); err != nil {
		t.Fatal(err)
	}
	if len(b.records) != 2 || b.records[1].Enforced != audit.EnforcedDeny {
		t.Errorf("records %+v", b.records)
	}
}

// What is in force is known however many others there are; what is not is forgotten in the end.
func TestGenerations(t *testing.T) {
	tests := []struct {
		name    string
		retired bool   // the generation is not in force any more
		others  uint32 // that were in force after it and are not any more
		known   bool
	}{
		{"in force", false, 2 * keep, true},
		{"just retired", true, keep - 1, true},
		{"long retired", true, keep, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			if tc.retired {
				b.Retire(me, gen)
			}
			p := &policy.Policy{Agent: "coder"}
			for i := range tc.others {
				b.Learn(me, gen+1+i, p, policy.Env{}, b.image)
				b.Retire(me, gen+1+i)
				b.Retire(me, gen+1+i) // a second time changes nothing
			}
			e := b.ask(policy.FileRead, layout.OpOpen, "/project/f", "", 0)
			if err := b.Handle(e, []byte("/project/f"), nil); err != nil {
				t.Fatal(err)
			}
			if r := b.records[0]; (r.Rule == "reads") != tc.known || (b.Stats().Unchecked == 0) != tc.known || r.Verdict != audit.VerdictAllow {
				t.Errorf("record %+v", r)
			}
			if n := len(b.agents[me].past); n > keep {
				t.Errorf("%d generations are kept", n)
			}
		})
	}
}

func TestUnknowns(t *testing.T) {
	b := newBench(t)
	b.fail = errors.New("disk is full")
	err := b.Handle(layout.Event{Agent: 0, Op: 200, Reason: 77, Denied: 1, Comm: [16]byte{'a', 0, 'b'}}, []byte("/x"), nil)
	if !errors.Is(err, b.fail) {
		t.Errorf("Handle = %v, want the log's error", err)
	}
	r := b.records[0]
	if r.Kind != audit.KindIntegrityFailed || !strings.Contains(r.Reason, "77") || r.Comm != "a" || r.Agent != "" || r.Verdict != audit.VerdictDeny {
		t.Errorf("record %+v", r)
	}
	if b.Stats().Received != 1 {
		t.Error("not counted")
	}
}

func BenchmarkHandle(b *testing.B) {
	p, err := policy.Parse("t.yaml", []byte("agent: a\nrules:\n  - { name: r, action: file_read, effect: ALLOW }\n"))
	if err != nil {
		b.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		b.Fatal(err)
	}
	r := New(Options{Record: func(audit.Record) error { return nil }, Path: func(_ uint32, p string) string { return p }, Run: func(uint64) string { return "r" }})
	r.Learn(1, 1, p, policy.Env{}, m)
	e := layout.Event{Agent: 1, Generation: 1, Op: layout.OpOpen, StartNode: m.Node(layout.RootRead), Verdict: layout.Verdict(layout.EffectAllow, 0)}
	path := []byte("/usr/share/doc/a/b/c")
	for b.Loop() {
		if err := r.Handle(e, path, nil); err != nil {
			b.Fatal(err)
		}
	}
	if r.Stats().Disagreements != 0 {
		b.Fatal("disagreement")
	}
}
