// SPDX-License-Identifier: Apache-2.0

package approvals

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"caisson/daemon/api"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	anna  = Person{UID: 1000, User: "anna", Groups: []string{"anna", "release"}, PID: 7, TTY: "pts/1", Owner: true}
	bert  = Person{UID: 1001, User: "bert", Groups: []string{"bert"}, Owner: true}
)

// deploy is a call of the run "one" that a rule wants approved.
func deploy(hold uint64) Ask {
	return Ask{Hold: hold, Agent: "deployer", Run: "one", Generation: 5, Rule: "deploy", Action: "shell_exec", Op: "exec", Subject: "/usr/bin/npm run deploy"}
}

// ask asks and wants the call to wait; it returns the id of its request.
func ask(t *testing.T, q *Queue, a Ask, now time.Time) string {
	t.Helper()
	if v, answered, _ := q.Ask(a, now); answered {
		t.Fatalf("call %d was answered at once: %+v", a.Hold, v)
	}
	return q.holds[a.Hold].id
}

// at once asks and wants an answer for this reason.
func atOnce(t *testing.T, q *Queue, a Ask, now time.Time, why Why) Verdict {
	t.Helper()
	v, answered, _ := q.Ask(a, now)
	if !answered || v.Why != why || v.Hold != a.Hold {
		t.Fatalf("call %d: answered %v, %+v; want %q", a.Hold, answered, v, why)
	}
	return v
}

func holds(list []Verdict) []uint64 {
	var out []uint64
	for _, v := range list {
		out = append(out, v.Hold)
	}
	return out
}

func TestEquivalentCallsWaitTogether(t *testing.T) {
	q := New(DefaultLimits, "t")
	_, _, news := q.Ask(deploy(1), start)
	_, _, again := q.Ask(deploy(2), start.Add(time.Second))
	if !news || again {
		t.Errorf("the first is news: %v, the second: %v", news, again)
	}
	for i, change := range []func(*Ask){
		func(a *Ask) { a.Run = "two" }, func(a *Ask) { a.Agent = "other" }, func(a *Ask) { a.Generation++ },
		func(a *Ask) { a.Rule = "other" }, func(a *Ask) { a.Subject += "!" },
	} {
		a := deploy(uint64(10 + i))
		change(&a)
		if _, _, news := q.Ask(a, start); !news {
			t.Errorf("%+v joined another request", a)
		}
	}

	p := q.Pending()
	if len(p) != 6 {
		t.Fatalf("%d requests", len(p))
	}
	id := q.holds[1].id
	got, ok := q.Get(id)
	if !ok || got.Held != 2 || got.Count != 2 || !got.Since.Equal(start) || !got.Deadline.Equal(start.Add(DefaultTimeout)) {
		t.Errorf("%+v", got)
	}
	v, err := q.Approve(id, anna, Scope{}, "go", start)
	if err != nil || !slices.Equal(holds(v), []uint64{1, 2}) || !v[0].Allow() || v[1].Why != Approved || v[1].Text != "go" || v[1].By[0].User != "anna" {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := q.Approve(id, anna, Scope{}, "", start); !errors.Is(err, ErrNotWaiting) {
		t.Errorf("approved twice: %v", err)
	}
	ask(t, q, deploy(3), start) // an approval is used up
}

func TestDenialIsRemembered(t *testing.T) {
	q := New(DefaultLimits, "t")
	now := start
	wait := DefaultLimits.Backoff
	for hold := uint64(1); hold < 20; hold += 3 {
		v, err := q.Deny(ask(t, q, deploy(hold), now), bert, "not today", now)
		if err != nil || v[0].Allow() || v[0].Why != Denied || !v[0].Retry.Equal(now.Add(wait)) {
			t.Fatalf("call %d: %+v, %v; want a retry after %v", hold, v, err, wait)
		}
		last := now.Add(wait)
		v2 := atOnce(t, q, deploy(hold+1), last.Add(-1), Backoff)
		if v2.Text != "not today" || v2.By[0].User != "bert" || !v2.Retry.Equal(last) {
			t.Fatalf("%+v", v2)
		}
		other := deploy(hold + 2)
		other.Run = strconv.FormatUint(hold, 10)
		ask(t, q, other, now) // of this run only
		now, wait = last, min(2*wait, MaxBackoff)
	}

	q.EndRun("one")
	ask(t, q, deploy(100), now)
}

func TestTimeout(t *testing.T) {
	q := New(DefaultLimits, "t")
	a := deploy(1)
	a.Terms.Timeout = 10 * time.Second
	id := ask(t, q, a, start)
	ask(t, q, deploy(2), start.Add(9*time.Second)) // joins, and has the first one's deadline

	v, next := q.Expire(start.Add(10*time.Second - 1))
	if len(v) != 0 || !next.Equal(start.Add(10*time.Second)) {
		t.Errorf("%+v, next at %v", v, next)
	}
	if _, err := q.Approve(id, anna, Scope{}, "", start.Add(10*time.Second)); !errors.Is(err, ErrNotWaiting) {
		t.Errorf("approved at the deadline: %v", err)
	}
	v, next = q.Expire(start.Add(10 * time.Second))
	if !slices.Equal(holds(v), []uint64{1, 2}) || v[0].Allow() || v[0].Why != TimedOut || !next.IsZero() {
		t.Errorf("%+v, next at %v", v, next)
	}
	atOnce(t, q, deploy(3), start.Add(11*time.Second), Backoff)
}

func TestGrants(t *testing.T) {
	other := func(change func(*Ask)) Ask { a := deploy(9); change(&a); return a }
	tests := []struct {
		name    string
		scope   Scope
		covered []Ask
		not     []Ask
		end     time.Duration // when a grant for a time ends
	}{
		{"run", Scope{Run: true}, []Ask{deploy(2)},
			[]Ask{other(func(a *Ask) { a.Run = "two" }), other(func(a *Ask) { a.Subject = "x" }), other(func(a *Ask) { a.Op = "x" }), other(func(a *Ask) { a.Rule = "x" }),
				other(func(a *Ask) { a.Generation++ }), other(func(a *Ask) { a.Agent = "x" })}, 0},
		{"time", Scope{For: time.Minute}, []Ask{deploy(2), other(func(a *Ask) { a.Run = "two" })},
			[]Ask{other(func(a *Ask) { a.Subject = "x" }), other(func(a *Ask) { a.Agent = "x" })}, time.Minute},
		{"pattern", Scope{For: time.Minute, Pattern: true}, []Ask{other(func(a *Ask) { a.Subject = "x" })},
			[]Ask{other(func(a *Ask) { a.Rule = "x" }), other(func(a *Ask) { a.Agent = "x" })}, time.Minute},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			q := New(DefaultLimits, "t")
			v, err := q.Approve(ask(t, q, deploy(1), start), anna, tc.scope, "", start)
			if err != nil || v[0].Grant == "" {
				t.Fatalf("%+v, %v", v, err)
			}
			for _, a := range tc.covered {
				if v := atOnce(t, q, a, start.Add(time.Second), Granted); v.By[0].User != "anna" || v.Grant != q.Grants()[0].ID {
					t.Errorf("%+v", v)
				}
			}
			if used := q.Grants()[0].Used; used != uint64(1+len(tc.covered)) {
				t.Errorf("used %d times", used)
			}
			for i, a := range tc.not {
				a.Hold = uint64(100 + i)
				ask(t, q, a, start.Add(time.Second))
			}
			if tc.end > 0 {
				ask(t, q, deploy(50), start.Add(tc.end))
				q.Expire(start.Add(tc.end))
				if len(q.Grants()) != 0 {
					t.Error("it is still listed when it is over")
				}
			}
		})
	}
}

func TestGrantsEnd(t *testing.T) {
	for name, end := range map[string]func(*Queue, string){
		"revoked":      func(q *Queue, id string) { q.Revoke(id) },
		"run ended":    func(q *Queue, _ string) { q.EndRun("one") },
		"other policy": func(q *Queue, _ string) { q.Replaced("deployer", 5) },
	} {
		q := New(DefaultLimits, "t")
		v, err := q.Approve(ask(t, q, deploy(1), start), anna, Scope{Run: true}, "", start)
		if err != nil {
			t.Fatal(err)
		}
		end(q, v[0].Grant)
		if _, answered, _ := q.Ask(deploy(2), start); answered || len(q.Grants()) != 0 {
			t.Errorf("%s: the grant still counts", name)
		}
	}
	if _, ok := New(DefaultLimits, "t").Revoke("g1"); ok {
		t.Error("a grant that never was has been revoked")
	}
}

func TestScopes(t *testing.T) {
	for _, s := range []Scope{{Run: true, For: time.Minute}, {For: -1}, {For: api.MaxFor + 1}, {Pattern: true}} {
		q := New(DefaultLimits, "t")
		id := ask(t, q, deploy(1), start)
		if v, err := q.Approve(id, anna, s, "", start); err == nil || len(v) != 0 {
			t.Errorf("%+v: %+v", s, v)
		}
		if p, ok := q.Get(id); !ok || len(p.Votes) != 0 {
			t.Errorf("%+v: a refused approval has changed something: %+v", s, p)
		}
	}
}

func TestQuorum(t *testing.T) {
	q := New(DefaultLimits, "t")
	a := deploy(1)
	a.Terms.Quorum = 2
	id := ask(t, q, a, start)
	if v, err := q.Approve(id, anna, Scope{}, "", start); err != nil || len(v) != 0 {
		t.Fatalf("one approval of two: %+v, %v", v, err)
	}
	if v, err := q.Approve(id, anna, Scope{}, "", start); err == nil || len(v) != 0 {
		t.Fatalf("the same person twice: %+v", v)
	}
	v, err := q.Approve(id, bert, Scope{}, "", start)
	if err != nil || len(v) != 1 || !v[0].Allow() || len(v[0].By) != 2 {
		t.Fatalf("%+v, %v", v, err)
	}

	a.Hold = 2
	id = ask(t, q, a, start)
	if _, err := q.Approve(id, anna, Scope{}, "", start); err != nil {
		t.Fatal(err)
	}
	if v, err := q.Deny(id, bert, "", start); err != nil || v[0].Allow() || len(v[0].By) != 1 || v[0].By[0].User != "bert" {
		t.Errorf("one denial is enough: %+v, %v", v, err)
	}
}

func TestApprovers(t *testing.T) {
	q := New(DefaultLimits, "t")
	a := deploy(1)
	a.Terms.Approvers = []string{"wheel", "release"}
	id := ask(t, q, a, start)
	var no *NotAllowedError
	if v, err := q.Approve(id, bert, Scope{}, "", start); !errors.As(err, &no) || len(v) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := q.Deny(id, bert, "", start); !errors.As(err, &no) || len(v) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := q.Approve(id, anna, Scope{}, "", start); err != nil || !v[0].Allow() {
		t.Errorf("%+v, %v", v, err)
	}
}

// Where a rule names no approvers, only root answers.
func TestOnlyOwnersAnswerWithoutApprovers(t *testing.T) {
	q := New(DefaultLimits, "t")
	id := ask(t, q, deploy(1), start)
	carl := Person{UID: 1002, User: "carl", Groups: []string{"wheel", ""}}
	var no *NotAllowedError
	if v, err := q.Approve(id, carl, Scope{}, "", start); !errors.As(err, &no) || len(v) != 0 || !strings.Contains(err.Error(), "for root") {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := q.Deny(id, carl, "", start); !errors.As(err, &no) || len(v) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestLimits(t *testing.T) {
	q := New(Limits{Requests: 2, Holds: 3, Backoff: time.Second}, "t")
	subject := func(hold uint64, s string) Ask { a := deploy(hold); a.Subject = s; return a }
	ask(t, q, subject(1, "a"), start)
	ask(t, q, subject(2, "b"), start)
	atOnce(t, q, subject(3, "c"), start, QueueFull)
	ask(t, q, subject(4, "a"), start)
	atOnce(t, q, subject(5, "a"), start, QueueFull)

	other := deploy(6)
	other.Agent = "other"
	ask(t, q, other, start) // is not delayed by the first

	q.Gone(4)
	q.Gone(4)
	ask(t, q, subject(7, "a"), start)
	q.Gone(2)
	if len(q.Pending()) != 2 {
		t.Errorf("a request whose calls are gone is still there: %+v", q.Pending())
	}
}

// Whatever happens, each held call is answered once or its task is gone, and none is allowed but by as many people as the
// rule wants, who may, for just that matter.
func TestEveryCallIsAnsweredOnce(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		q := New(Limits{Requests: 4, Holds: 12, Backoff: time.Second}, "t")
		open := map[uint64]Ask{}
		approvals := map[matter]map[uint32]bool{}
		now := start
		settle := func(list ...Verdict) {
			for _, v := range list {
				a, ok := open[v.Hold]
				if !ok {
					t.Fatalf("seed %d: call %d answered, but nobody waits: %+v", seed, v.Hold, v)
				}
				delete(open, v.Hold)
				if v.Allow() && len(approvals[a.matter()]) < a.Terms.quorum() {
					t.Fatalf("seed %d: %+v allowed by %v: %+v", seed, a, approvals[a.matter()], v)
				}
			}
		}
		for hold := uint64(1); hold < 200; hold++ {
			now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
			a := Ask{Hold: hold, Agent: "a" + strconv.Itoa(r.IntN(2)), Run: strconv.Itoa(r.IntN(2)), Generation: uint32(r.IntN(2)), Rule: "r", Subject: strconv.Itoa(r.IntN(3)),
				Terms: Terms{Timeout: 20 * time.Second, Quorum: 1 + r.IntN(2)}}
			a.Terms.Quorum = 1 + int(a.Generation)
			open[hold] = a
			if v, answered, _ := q.Ask(a, now); answered {
				settle(v)
			}
			for _, p := range q.Pending() {
				who := []Person{anna, bert}[r.IntN(2)]
				switch r.IntN(6) {
				case 0:
					if approvals[p.Ask.matter()] == nil {
						approvals[p.Ask.matter()] = map[uint32]bool{}
					}
					approvals[p.Ask.matter()][who.UID] = true
					v, _ := q.Approve(p.ID, who, []Scope{{}, {Run: true}, {For: 5 * time.Second}}[r.IntN(3)], "", now)
					settle(v...)
				case 1:
					v, _ := q.Deny(p.ID, who, "", now)
					settle(v...)
				case 2:
					held := q.requests[p.ID].holds[0]
					q.Gone(held)
					delete(open, held)
				}
			}
			switch r.IntN(20) {
			case 0:
				settle(q.EndRun(strconv.Itoa(r.IntN(2)))...)
			case 1:
				settle(q.Replaced("a0", uint32(r.IntN(2)))...)
			}
			v, _ := q.Expire(now)
			settle(v...)
			if len(open) != len(q.holds) {
				t.Fatalf("seed %d: %d calls wait, the queue knows %d", seed, len(open), len(q.holds))
			}
		}
		settle(q.Close()...)
		if len(open) != 0 || len(q.requests)+len(q.waiting)+len(q.holds) != 0 {
			t.Fatalf("seed %d: %d calls were never answered", seed, len(open))
		}
	}
}

func TestReasonsHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for w := Approved; w <= Withdrawn; w++ {
		if s := w.String(); s == "" || seen[s] {
			t.Errorf("reason %d is called %q", w, s)
		} else {
			seen[s] = true
		}
	}
}
