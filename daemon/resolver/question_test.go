// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"strings"
	"testing"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// asking is a resolver with an agent whose policy asks and defers, and what it has asked and been answered.
type asking struct {
	*bench
	asked   []*Question
	answers map[uint64]Answer
}

func newAsking(t *testing.T) *asking {
	t.Helper()
	p, err := policy.Parse("t.yaml", []byte(`agent: coder
rules:
  - { name: odd, action: file_write, conditions: { path: { regex: "/mnt/p/[0-9]+x?" } }, effect: ALLOW }
  - { name: asks, action: file_write, conditions: { path: { starts_with: [/mnt/p, /mnt/q] } }, effect: REQUIRE_APPROVAL, message: Sure }
  - { name: runs, action: shell_exec, conditions: { command: { starts_with: /mnt/bin/tool } }, effect: REQUIRE_APPROVAL }
`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	a := &asking{bench: newBench(t), answers: map[uint64]Answer{}}
	a.image = m
	a.opt.Held = func(q *Question) { a.asked = append(a.asked, q) }
	a.opt.Answer = func(hold uint64) (Answer, bool) {
		got, ok := a.answers[hold]
		return got, ok
	}
	a.Learn(me, gen+1, p, policy.Env{}, m)
	return a
}

// hold is the event of a question about something on the host, as the image decides it from the root.
func (a *asking) hold(t *testing.T, number uint64, action policy.Action, op uint8, path, argv string, argc int) *Question {
	t.Helper()
	s := policy.Subject{Action: action, Names: locationNames([]byte("/mnt" + path))}
	if action == policy.ShellExec {
		s.Args, s.TruncatedArgs = split([]byte(argv), argc)
	}
	e := layout.Event{N: number, Time: 1000, Run: run, Agent: me, Generation: gen + 1, Action: uint8(action), Op: op, Argc: uint16(argc),
		Reason: layout.ReasonHeld, Hold: number, PID: 5, TID: 6, Verdict: a.image.Run(s).Word()}
	// The superblock is mounted at /mnt: the kernel starts where that stands.
	e.StartNode = a.image.Node(int(action), "mnt")
	before := len(a.asked)
	if err := a.Handle(e, []byte(path), []byte(argv)); err != nil {
		t.Fatal(err)
	}
	if len(a.asked) != before+1 {
		t.Fatalf("%d questions", len(a.asked)-before)
	}
	return a.asked[before]
}

// What the image leaves open the rules decide, about the location on the host.
func TestQuestionIsSettled(t *testing.T) {
	a := newAsking(t)
	for i, tc := range []struct {
		path   string
		effect policy.Effect
		rule   string
	}{
		{"/p/12x", policy.Allow, "odd"}, {"/p/12y", policy.RequireApproval, "asks"}, {"/q/x", policy.RequireApproval, "asks"},
	} {
		q := a.hold(t, uint64(i+1), policy.FileWrite, layout.OpUnlink, tc.path, "", 0)
		r := q.Settle()
		if r.Effect != tc.effect || r.Rule.Name != tc.rule {
			t.Errorf("%s: %s by %q, want %s by %q", tc.path, r.Effect, r.Rule.Name, tc.effect, tc.rule)
		}
		if q.Hold != uint64(i+1) || q.Group != "abc" || q.Subject != "/mnt"+tc.path || q.Record.Op != "unlink" || q.Record.PID != 5 {
			t.Errorf("%+v", q)
		}
		rec := a.records[len(a.records)-1]
		want := audit.VerdictDefer
		if tc.path == "/q/x" { // here the image itself knows that it is to be asked
			want = audit.VerdictRequireApproval
		}
		if rec.Enforced != audit.EnforcedHeld || rec.Verdict != want {
			t.Errorf("%s: record %s, %s, want %s", tc.path, rec.Verdict, rec.Enforced, want)
		}
	}
	if a.Stats().Disagreements != 0 || a.Run(run) != (Counts{}) {
		t.Errorf("%+v, %+v", a.Stats(), a.Run(run))
	}
}

// No two commands are one subject, and words that may be secrets are in the question and not in the log.
func TestQuestionSaysExactly(t *testing.T) {
	a := newAsking(t)
	for i, tc := range []struct {
		argv  string
		argc  int
		want  string
		words string
	}{
		{"tool\x00a b\x00", 2, `/mnt/bin/tool "a b"`, "…"},
		{"tool\x00a\x00b\x00", 3, "/mnt/bin/tool a b", "… …"},
		{"tool\x00--token=s3cret\x00\x00", 3, `/mnt/bin/tool --token=s3cret ""`, "--token=… …"},
		{"tool\x00\xff\x00", 2, `/mnt/bin/tool "\xff"`, "…"},
		{"tool\x00a\x00", 7, "/mnt/bin/tool a (and words that are not known; call 5)", "…"},
	} {
		q := a.hold(t, uint64(i+1), policy.ShellExec, layout.OpExec, "/bin/tool", tc.argv, tc.argc)
		if q.Subject != tc.want || strings.Join(q.Record.Argv, " ") != tc.words {
			t.Errorf("%q is %s, in the log %q", tc.argv, q.Subject, q.Record.Argv)
		}
	}
}

// The use of an answer is recorded as what it is; an answer that was not given is a disagreement.
func TestAnswersAreRecorded(t *testing.T) {
	a := newAsking(t)
	q := a.hold(t, 1, policy.FileWrite, layout.OpUnlink, "/q/x", "", 0)
	later := time.Unix(6000, 0)
	given := Answer{Verdict: q.Verdict(), Reason: "denied", Text: "by anna", Message: "not now", Ask: "r1-t", Actor: &audit.Actor{UID: 7}, RetryAfter: later}
	for _, tc := range []struct {
		name            string
		answer          *Answer
		hold            uint64
		reason, denied  uint8
		differs         bool
		where, why, out string
	}{
		{"denied", &given, 1, layout.ReasonRefused, 1, false, "daemon", "denied: by anna", "deny"},
		{"allowed although denied", &given, 1, layout.ReasonApproved, 0, true, "daemon", "denied: by anna", "allow"},
		{"by an earlier daemon", nil, 1, layout.ReasonApproved, 0, false, "kernel", "approved: ", "allow"},
		{"kept from before in the same call", nil, 0, layout.ReasonApproved, 0, false, "kernel", "approved: ", "allow"},
		{"cannot wait", nil, 0, layout.ReasonCannotWait, 1, false, "kernel", "cannot-wait: ", "deny"},
		{"nobody there", nil, 0, layout.ReasonUnattended, 1, false, "kernel", "unattended: ", "deny"},
		{"nobody there, but done", nil, 0, layout.ReasonUnattended, 0, true, "kernel", "unattended: ", "observed"},
	} {
		delete(a.answers, 1)
		if tc.answer != nil {
			a.answers[1] = *tc.answer
		}
		before := a.Stats().Disagreements
		e := layout.Event{N: 2, Time: 1000, Run: run, Agent: me, Generation: gen + 1, Action: layout.ActionWrite, Op: layout.OpUnlink, Reason: tc.reason,
			Denied: tc.denied, Hold: tc.hold, Verdict: q.Verdict(), StartNode: a.image.Node(int(policy.FileWrite), "mnt")}
		if err := a.Handle(e, []byte("/q/x"), nil); err != nil {
			t.Fatal(err)
		}
		rec := a.records[len(a.records)-1]
		if rec.Verdict != audit.VerdictRequireApproval || rec.Rule != "asks" || rec.Enforced != tc.out || rec.Where != tc.where || !strings.HasPrefix(rec.Reason, tc.why) {
			t.Errorf("%s: %s by %q, %s by the %s because %q", tc.name, rec.Verdict, rec.Rule, rec.Enforced, rec.Where, rec.Reason)
		}
		if tc.answer != nil && (rec.Ask != "r1-t" || rec.Actor == nil) {
			t.Errorf("%s: not attributed: %+v", tc.name, rec)
		}
		if (a.Stats().Disagreements != before) != tc.differs {
			t.Errorf("%s: disagreement: %t", tc.name, !tc.differs)
		}
	}

	// The run is told, the last first.
	told := a.Denials(run)
	if len(told) != 3 || told[0].Reason != "cannot-wait" && told[0].Reason != "unattended" {
		t.Fatalf("%+v", told)
	}
	if first := told[len(told)-1]; first.Reason != "denied" || first.Text != "by anna" || first.Message != "not now" || first.Rule != "asks" ||
		first.Retry != RetryLater || !first.RetryAfter.Equal(later) || first.Subject != "/mnt/q/x" || first.Op != "unlink" {
		t.Errorf("%+v", first)
	}
	for _, d := range told {
		if want := map[string]Retry{"denied": RetryLater, "unattended": RetryLater, "cannot-wait": RetryNo}[d.Reason]; d.Retry != want {
			t.Errorf("%s: retry %d, want %d", d.Reason, d.Retry, want)
		}
	}
	if len(a.Denials(run+1)) != 0 {
		t.Error("another run is told")
	}
}

func TestDenialsAreBounded(t *testing.T) {
	a := newAsking(t)
	for n := range uint64(denialsKept + 10) {
		e := layout.Event{N: n, Run: run, Agent: me, Generation: gen + 1, Action: layout.ActionWrite, Op: layout.OpUnlink, Denied: 1, Time: n + 1,
			StartNode: a.image.Node(int(policy.FileWrite), "mnt")}
		if err := a.Handle(e, []byte("/z"), nil); err != nil {
			t.Fatal(err)
		}
	}
	told := a.Denials(run)
	if len(told) != denialsKept || told[0].Reason != policy.ReasonNoRule || told[0].Text != "no rule allows it" || told[0].Retry != RetryNo {
		t.Errorf("%d denials, the last %+v", len(told), told[0])
	}
}

// What an image left open and was answered earlier in the same system call is recorded as what the rules say.
func TestKeptAnswersAreSettled(t *testing.T) {
	a := newAsking(t)
	for path, want := range map[string]string{"/p/12": audit.VerdictAllow, "/p/x": audit.VerdictRequireApproval} {
		q := a.hold(t, 1, policy.FileWrite, layout.OpUnlink, path, "", 0)
		e := layout.Event{N: 2, Time: 1000, Run: run, Agent: me, Generation: gen + 1, Action: layout.ActionWrite, Op: layout.OpUnlink, Reason: layout.ReasonApproved,
			Verdict: q.Verdict(), StartNode: a.image.Node(int(policy.FileWrite), "mnt")}
		if err := a.Handle(e, []byte(path), nil); err != nil {
			t.Fatal(err)
		}
		if rec := a.records[len(a.records)-1]; rec.Verdict != want || rec.Enforced != audit.EnforcedAllow || a.Stats().Disagreements != 0 {
			t.Errorf("%s: %s, %s, want %s", path, rec.Verdict, rec.Enforced, want)
		}
	}
}
