// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/approvals"
	"caisson/daemon/hooks"
	"caisson/daemon/resolver"
	"caisson/policy"
)

// bench is a holder with a kernel that is none, and a resolver that asks it for one agent.
type bench struct {
	*Holder
	t        *testing.T
	resolver *resolver.Resolver
	image    *policy.Image
	hold     uint64

	mu        sync.Mutex
	now       time.Time
	attended  time.Duration
	requests  map[uint64]layout.Request
	answers   map[uint64]layout.Answer
	continued []Task
	dead      map[Task]bool
	records   []audit.Record
	news      []News
	broken    error // of the log
	behind    bool
}

func (b *bench) Attend(d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attended = d
	return nil
}

func (b *bench) Requests() (map[uint64]layout.Request, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.requests), nil
}

func (b *bench) Answer(id uint64, a layout.Answer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[id] = a
	return nil
}

func (b *bench) Forget(id uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.requests, id)
	delete(b.answers, id)
	return nil
}

const testPolicy = `agent: coder
rules:
  - { name: odd, action: file_read, conditions: { path: { regex: "/p/[0-9]+(a|bc)*" } }, effect: ALLOW }
  - { name: asks, action: file_read, conditions: { path: { starts_with: /p } }, effect: REQUIRE_APPROVAL, message: "Why not?", timeout: 1m }
  - { name: two, action: file_read, conditions: { path: { starts_with: /q } }, effect: REQUIRE_APPROVAL, quorum: 2 }
  - { name: hosts, action: network, conditions: { host: { glob: "*.example.com" } }, effect: ALLOW }
`

func newBench(t *testing.T) *bench {
	t.Helper()
	p, err := policy.Parse("t.yaml", []byte(testPolicy))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: time.Unix(5000, 0), requests: map[uint64]layout.Request{}, answers: map[uint64]layout.Answer{}, dead: map[Task]bool{}}
	if b.image, err = policy.Compile(p, policy.Env{}); err != nil {
		t.Fatal(err)
	}
	b.Holder = New(Options{
		Kernel: b, Tag: "t", Log: slog.New(slog.DiscardHandler), Inside: func(int) (bool, error) { return false, nil },
		Limits: approvals.Limits{Requests: 2, Holds: 4, Backoff: time.Minute},
		Clock: func() time.Time {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.now
		},
		Record: func(r audit.Record) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.records = append(b.records, r)
			return b.broken
		},
		Continue: func(task Task) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.continued = append(b.continued, task)
			if b.dead[task] {
				return errEnded
			}
			return nil
		},
		Alive: func(task Task) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.dead[task] {
				return errEnded
			}
			return nil
		},
		Behind: func() bool { return b.behind },
		Begun:  func(n News) { b.news = append(b.news, n) },
		Ended:  func(n News) { b.news = append(b.news, n) },
	})
	b.resolver = resolver.New(resolver.Options{
		Record: func(audit.Record) error { return nil },
		Path:   func(_ uint32, path string) string { return path },
		Run:    func(uint64) string { return "run1" },
		Held:   b.Take, Answer: b.Holder.Answer,
		Clock: func() (time.Time, uint64) { return time.Unix(5000, 0), 0 },
	})
	b.resolver.Name(1, "coder")
	b.resolver.Learn(1, 7, p, policy.Env{}, b.image)
	return b
}

// ask has a thread of process 100 read a file, and every worker look at it. It returns the question's number.
func (b *bench) ask(tid uint32, path string) uint64 {
	b.t.Helper()
	s, err := policy.PathSubject(policy.FileRead, path)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.put(layout.Event{Action: layout.ActionRead, Op: layout.OpOpen, TID: tid, StartNode: b.image.Node(int(policy.FileRead)), Verdict: b.image.Run(s).Word()}, path)
}

func (b *bench) put(e layout.Event, path string) uint64 {
	b.t.Helper()
	b.hold++
	e.Hold, e.Reason, e.Agent, e.Generation, e.Run, e.PID, e.Start = b.hold, layout.ReasonHeld, 1, 7, 99, 100, 5e9
	b.mu.Lock()
	b.requests[b.hold] = layout.Request{PID: e.PID, TID: e.TID, Start: e.Start}
	b.mu.Unlock()
	if err := b.resolver.Handle(e, []byte(path), nil); err != nil {
		b.t.Fatal(err)
	}
	b.look()
	return b.hold
}

// look has all questions looked at.
func (b *bench) look() {
	for {
		b.pool.mu.Lock()
		n := len(b.pool.turns)
		b.pool.mu.Unlock()
		if n == 0 {
			return
		}
		b.decide(b.pool.take())
	}
}

// used has the kernel report the use of an answer.
func (b *bench) used(hold uint64) resolver.Answer {
	b.t.Helper()
	if err := b.Forget(hold); err != nil {
		b.t.Fatal(err)
	}
	a, ok := b.Holder.Answer(hold)
	if !ok {
		b.t.Fatalf("nothing is known of the answer to %d", hold)
	}
	return a
}

// told is what the kernel was told: "allow", "deny" or "" for nothing yet.
func (b *bench) told(hold uint64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.answers[hold]
	switch {
	case !ok:
		return ""
	case a.Allow == 1:
		return "allow"
	}
	return "deny"
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	b.now = b.now.Add(d)
	b.mu.Unlock()
	b.due(b.opt.Clock())
	if err := b.sweep(b.opt.Clock()); err != nil {
		b.t.Fatal(err)
	}
}

var root = approvals.Person{User: "root", PID: 9, Owner: true}

func (b *bench) respond(in api.AnswerRequest) api.Answered {
	b.t.Helper()
	out, err := b.Respond(root, in)
	if err != nil || len(out.Answers) != 1 {
		b.t.Fatalf("%+v, %v", out, err)
	}
	return out.Answers[0]
}

// What the image left open the rules themselves decide, at once.
func TestDeferredIsSettled(t *testing.T) {
	b := newBench(t)
	yes, ask := b.ask(101, "/p/12abc"), b.ask(102, "/p/12ab")
	if b.told(yes) != "allow" || b.told(ask) != "" || len(b.continued) != 1 || b.continued[0] != (Task{100, 100, 5e9}) {
		t.Errorf("told %q and %q, continued %v", b.told(yes), b.told(ask), b.continued)
	}
	if a := b.used(yes); !a.Allow || a.Reason != "resolved" || a.Verdict != layout.Verdict(layout.EffectAllow, 0) {
		t.Errorf("%+v", a)
	}
	if p := b.Pending(root).Requests; len(p) != 1 || p[0].Rule != "asks" || p[0].Subject != "/p/12ab" || p[0].Message != "Why not?" || p[0].Run != "run1" {
		t.Errorf("%+v", p)
	}
	host := b.put(layout.Event{Action: layout.ActionNet, Op: layout.OpConnect, TID: 103, Family: 2, Proto: 6, Port: 443, Verdict: layout.Verdict(layout.EffectDefer, 3)}, "")
	if a := b.used(host); a.Allow || a.Reason != "unknown-name" {
		t.Errorf("a rule that wants a name: %+v", a)
	}
}

func TestApproveAndDeny(t *testing.T) {
	b := newBench(t)
	for _, answer := range []string{api.AnswerDeny, api.AnswerApprove} {
		hold := b.ask(101, "/p/"+answer)
		id := b.Pending(root).Requests[0].ID
		version := b.Pending(root).Version
		got := b.respond(api.AnswerRequest{Answer: answer, IDs: []string{id}, Text: "so be it"})
		if got.Error != "" || got.Calls != 1 || b.Pending(root).Version == version {
			t.Errorf("%+v", got)
		}
		want := map[string]string{api.AnswerDeny: "deny", api.AnswerApprove: "allow"}[answer]
		if b.told(hold) != want {
			t.Errorf("%s: the kernel was told %q", answer, b.told(hold))
		}
		a := b.used(hold)
		if a.Allow != (want == "allow") || a.Ask != id || a.Text != "by root" || a.Message != "so be it" || a.Actor == nil || a.Actor.PID != 9 {
			t.Errorf("%s: %+v", answer, a)
		}
		if r := b.records[len(b.records)-1]; r.Kind != audit.KindApproval || r.Op != answer || r.Ask != id || r.Actor == nil || r.Text != "so be it" || r.Path == "" || r.Count != 1 {
			t.Errorf("%s: record %+v", answer, r)
		}
		if got := b.respond(api.AnswerRequest{Answer: answer, IDs: []string{id}}); !strings.Contains(got.Error, "no such request waits") {
			t.Errorf("a second time: %+v", got)
		}
	}
	var told []string
	for _, n := range b.news {
		told = append(told, n.Outcome+strings.Join(n.By, ","))
	}
	if want := []string{"", hooks.Denied + "root", "", hooks.Approved + "root"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	if a := b.used(b.ask(101, "/p/deny")); a.Reason != "denied-before" || a.RetryAfter.IsZero() {
		t.Errorf("a retry: %+v", a)
	}
}

// An answer that is not in the log is none.
func TestNothingWithoutTheLog(t *testing.T) {
	b := newBench(t)
	hold := b.ask(101, "/p/x")
	b.broken = errors.New("disk full")
	got := b.respond(api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{b.Pending(root).Requests[0].ID}, Run: true})
	if !strings.Contains(got.Error, "disk full") || got.Hint == "" || b.told(hold) != "deny" || len(b.Grants().Grants) != 0 {
		t.Errorf("%+v, the kernel was told %q; grants %+v", got, b.told(hold), b.Grants())
	}

	// An approval of two that is not in the log does not count for the next.
	hold = b.ask(101, "/q/x")
	id := b.Pending(root).Requests[0].ID
	for _, who := range []uint32{0, 5} {
		b.broken = map[uint32]error{0: errors.New("disk full"), 5: nil}[who]
		p := approvals.Person{UID: who, PID: 9, Owner: true}
		out, err := b.Respond(p, api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{id}})
		if err != nil || (out.Answers[0].Error == "") != (who == 5) || b.told(hold) != "" {
			t.Errorf("user %d: %+v, %v, the kernel was told %q", who, out, err, b.told(hold))
		}
	}
	if votes := b.Pending(root).Requests[0].Approved; len(votes) != 1 || votes[0].UID != 5 {
		t.Errorf("%+v", votes)
	}
}

func TestWrongAnswers(t *testing.T) {
	b := newBench(t)
	hold := b.ask(101, "/p/x")
	id := b.Pending(root).Requests[0].ID
	for want, in := range map[string]api.AnswerRequest{
		`"maybe" is not known`: {Answer: "maybe", IDs: []string{id}},
		"either ids":           {Answer: api.AnswerApprove},
		"either ids or":        {Answer: api.AnswerApprove, IDs: []string{id}, Agent: "coder"},
		"has no scope":         {Answer: api.AnswerDeny, IDs: []string{id}, Run: true},
		"too long":             {Answer: api.AnswerDeny, IDs: []string{id}, Text: strings.Repeat("x", 501)},
		"not text":             {Answer: api.AnswerDeny, IDs: []string{id}, Text: "a\nb"},
	} {
		var e *api.Error
		if _, err := b.Respond(root, in); !errors.As(err, &e) || e.Status != 400 || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("%+v: %v, want %q", in, err, want)
		}
	}
	if got := b.respond(api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{id}, Pattern: true}); !strings.Contains(got.Error, "needs an end") {
		t.Errorf("%+v", got)
	}
	stranger := approvals.Person{UID: 5, User: "eve", PID: 10}
	out, err := b.Respond(stranger, api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{id}})
	if err != nil || !strings.Contains(out.Answers[0].Error, "for root") || out.Answers[0].Subject != "" {
		t.Errorf("%+v, %v", out, err)
	}
	if r := b.records[len(b.records)-1]; r.Op != "refused" || r.Actor.UID != 5 {
		t.Errorf("%+v", r)
	}
	if len(b.Pending(stranger).Requests) != 0 || b.told(hold) != "" {
		t.Errorf("the kernel was told %q", b.told(hold))
	}
}

func TestDeadline(t *testing.T) {
	b := newBench(t)
	hold := b.ask(101, "/p/x")
	b.pass(59 * time.Second)
	if b.told(hold) != "" {
		t.Fatal("denied before its deadline")
	}
	b.pass(time.Second)
	if a := b.used(hold); a.Allow || a.Reason != "timed-out" || a.Message != "Why not?" || a.Actor != nil {
		t.Errorf("%+v", a)
	}
	if r := b.records[0]; r.Op != "timeout" || r.Actor != nil {
		t.Errorf("%+v", r)
	}
}

// A task is continued again until its answer is used; an answer that nobody uses is taken back, and the task asks anew.
func TestContinuedUntilUsed(t *testing.T) {
	b := newBench(t)
	first, second := b.ask(101, "/p/1"), b.ask(102, "/p/x")
	if b.told(first) != "allow" || b.told(second) != "" {
		t.Fatal("not as the policy says")
	}
	before := len(b.continued)
	for range 10 {
		b.pass(againLongest)
	}
	if n := len(b.continued) - before; n < 6 { // the first time it was alone, and the next try was later
		t.Errorf("continued %d times", n)
	}
	b.pass(unusedTime)
	if _, ok := b.requests[first]; ok || b.told(first) != "" {
		t.Error("the answer was not taken back")
	}
	if _, ok := b.Holder.Answer(first); ok {
		t.Error("it is still known")
	}
}

func TestTheDead(t *testing.T) {
	b := newBench(t)
	hold := b.ask(101, "/p/x")
	b.dead[Task{100, 101, 5e9}] = true
	b.pass(time.Second)
	if len(b.Pending(root).Requests) != 0 || len(b.requests) != 0 || len(b.calls) != 0 || b.told(hold) != "" {
		t.Errorf("%d requests, %d questions", len(b.Pending(root).Requests), len(b.requests))
	}
	if n := b.news[len(b.news)-1]; n.Outcome != hooks.Withdrawn {
		t.Errorf("%+v", n)
	}
	b.pass(0)
	if r := b.records[len(b.records)-1]; r.Kind != audit.KindApproval || r.Op != "withdraw" || r.Ask != b.news[0].ID || r.Actor != nil {
		t.Errorf("%+v", r)
	}

	// A task that asks something else has given up what it asked before.
	b.ask(102, "/p/y")
	b.ask(102, "/p/z")
	if p := b.Pending(root).Requests; len(p) != 1 || p[0].Subject != "/p/z" || len(b.requests) != 1 {
		t.Errorf("%+v", p)
	}
}

// A question of which nobody has heard, because its event was lost or an earlier daemon had it, is put again.
func TestStrays(t *testing.T) {
	b := newBench(t)
	b.requests[77] = layout.Request{PID: 5, TID: 6, Start: 1}
	b.pass(0)
	b.pass(lostTime - 1)
	if len(b.requests) != 1 {
		t.Fatal("put again before its event could come")
	}
	b.behind = true
	b.pass(lostTimeBehind - lostTime)
	if len(b.requests) != 1 {
		t.Fatal("put again while its event may be among those to be read")
	}
	b.behind = false
	b.pass(1)
	if len(b.requests) != 0 || !slices.Equal(b.continued, []Task{{5, 5, 1}}) {
		t.Errorf("%v, continued %v", b.requests, b.continued)
	}

	b.requests[78] = layout.Request{PID: 7, TID: 7, Start: 1}
	if err := b.Resume(); err != nil {
		t.Fatal(err)
	}
	if len(b.requests) != 0 || b.attended != attendTime || b.continued[1] != (Task{7, 7, 1}) {
		t.Errorf("%v, continued %v, attended %v", b.requests, b.continued, b.attended)
	}
	b.requests[79] = layout.Request{PID: 8, TID: 8, Start: 1}
	if err := b.Release(); err != nil {
		t.Fatal(err)
	}
	if len(b.requests) != 0 || b.attended != 0 || b.continued[2] != (Task{8, 8, 1}) {
		t.Errorf("%v, continued %v, attended %v", b.requests, b.continued, b.attended)
	}
}

func TestLimitsOfAnAgent(t *testing.T) {
	b := newBench(t)
	b.ask(101, "/p/a")
	b.ask(102, "/p/b")
	if a := b.used(b.ask(103, "/p/c")); a.Allow || a.Reason != "queue-full" {
		t.Errorf("%+v", a)
	}
	if len(b.Pending(root).Requests) != 2 {
		t.Errorf("%+v", b.Pending(root))
	}
}

func TestReplacedAndEnded(t *testing.T) {
	b := newBench(t)
	hold := b.ask(101, "/p/a")
	b.Replaced("coder", 6)
	if b.told(hold) != "" || len(b.requests) != 1 {
		t.Fatal("another generation's end has ended it")
	}
	b.Replaced("coder", 7)
	if b.told(hold) != "" || len(b.requests) != 0 || len(b.continued) != 1 || len(b.Pending(root).Requests) != 0 {
		t.Errorf("told %q, %d questions, continued %v", b.told(hold), len(b.requests), b.continued)
	}
	b.ask(101, "/p/a")
	b.EndRun("run1")
	if len(b.requests) != 0 || len(b.Pending(root).Requests) != 0 || len(b.calls) != 0 {
		t.Errorf("%d questions, %d requests", len(b.requests), len(b.Pending(root).Requests))
	}
}

func TestGrantsAreListedAndRevoked(t *testing.T) {
	b := newBench(t)
	b.ask(101, "/p/a")
	got := b.respond(api.AnswerRequest{Answer: api.AnswerApprove, Agent: "coder", For: time.Hour})
	if got.Grant == "" {
		t.Fatalf("%+v", got)
	}
	again := b.ask(102, "/p/a")
	if a := b.used(again); !a.Allow || a.Reason != "granted" || !strings.Contains(a.Text, got.Grant) || a.Actor == nil {
		t.Errorf("%+v", a)
	}
	list := b.Grants().Grants
	if len(list) != 1 || list[0].ID != got.Grant || list[0].Used != 2 || list[0].Until == nil || !list[0].Until.Equal(b.now.Add(time.Hour)) {
		t.Errorf("%+v", list)
	}
	if _, err := b.Revoke(root, got.Grant); err != nil || len(b.Grants().Grants) != 0 {
		t.Errorf("%v", err)
	}
	if r := b.records[len(b.records)-1]; r.Op != "revoke" || r.Agent != "coder" || r.Actor == nil {
		t.Errorf("%+v", r)
	}
	var e *api.Error
	if _, err := b.Revoke(root, got.Grant); !errors.As(err, &e) || e.Status != 404 {
		t.Errorf("twice: %v", err)
	}
}

func TestPendingAfter(t *testing.T) {
	b := newBench(t)
	stranger := approvals.Person{UID: 5, PID: 10}
	first := b.Pending(root).Version
	woken := make(chan uint64)
	go func() { woken <- b.PendingAfter(context.Background(), root, first).Version }()
	b.ask(101, "/p/a")
	second := <-woken
	if second == first || b.PendingAfter(context.Background(), root, first).Version != second {
		t.Errorf("version %d became %d", first, second)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if v := b.PendingAfter(ctx, root, second).Version; v != second {
		t.Errorf("nothing has happened, and %d became %d", second, v)
	}
	// Who may answer nothing is told nothing.
	if v := b.Pending(stranger).Version; v != first {
		t.Errorf("an empty list has version %d, and had %d", v, first)
	}
}
