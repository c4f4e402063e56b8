// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	start  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	errOut = errors.New("out of order")
)

func ask(id string) *job {
	return &job{id: id, event: EventRequest, due: start, until: start.Add(5 * time.Minute)}
}

func end(id string) *job {
	return &job{id: id, event: EventAnswered, due: start, until: start.Add(answerTime)}
}

// play drives a line with words and returns what it delivers, as "request:r1". A word is ask:ID, end:ID or cancel:ID, an
// attempt (ok, fail, refuse), or one that is "begun" and ends later (ok, fail); or a time to wait.
func play(t *testing.T, l *line, script string) []string {
	t.Helper()
	now := start
	var got []string
	var busy *job
	attempt := func(r result) {
		if busy == nil {
			if busy, _, _ = l.next(now); busy == nil {
				got = append(got, "-")
				return
			}
		}
		if r.err == nil {
			got = append(got, strings.TrimPrefix(busy.event, "approval.")+":"+busy.id)
		}
		l.done(busy, r, now, 0.5)
		busy = nil
	}
	for word := range strings.FieldsSeq(script) {
		what, id, _ := strings.Cut(word, ":")
		switch what {
		case "ask":
			if l.add(ask(id), now) == full {
				got = append(got, "full")
			}
		case "end":
			j := end(id)
			j.due, j.until = now, now.Add(answerTime)
			if l.add(j, now) == full {
				got = append(got, "full")
			}
		case "cancel":
			l.cancel(id)
		case "begun":
			busy, _, _ = l.next(now)
		case "ok":
			attempt(result{})
		case "fail":
			attempt(result{err: errOut})
		case "refuse":
			attempt(result{err: errOut, final: true})
		case "last":
			l.last = true
		default:
			d, err := time.ParseDuration(word)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(d)
		}
	}
	return got
}

func TestLine(t *testing.T) {
	for _, tc := range []struct {
		name, script, want string
		all                bool
		counts             string // delivered, failed, dropped
		left               int
	}{
		{"one", "ask:r1 ok ok", "request:r1 -", false, "1 0 0", 0},
		{"in order", "ask:r1 ask:r2 ok ok", "request:r1 request:r2", false, "2 0 0", 0},
		{"tried again when it is time", "ask:r1 fail ok 1s ok", "- request:r1", false, "1 0 0", 0},
		{"one that fails does not hold up others", "ask:r1 ask:r2 fail ok 1s ok", "request:r2 request:r1", false, "2 0 0", 0},
		{"refused", "ask:r1 refuse 1h ok", "-", false, "0 1 0", 0},
		{"deadline", "ask:r1 fail 5m ok", "-", false, "0 1 0", 0},
		{"no attempt would be in time", "ask:r1 fail 299500ms fail ok", "-", false, "0 1 0", 0},
		{"answered", "ask:r1 ok end:r1 ok ok", "request:r1 answered:r1 -", false, "2 0 0", 0},
		{"answered at its deadline", "ask:r1 ok 5m end:r1 ok", "request:r1 answered:r1", false, "2 0 0", 0},
		{"answered twice", "ask:r1 ok end:r1 ok end:r1 ok", "request:r1 answered:r1 -", false, "2 0 0", 0},
		{"answered before it was announced", "ask:r1 end:r1 ok", "-", false, "0 0 0", 0},
		{"answered while it is tried again", "ask:r1 fail 1s fail end:r1 1h ok", "-", false, "0 0 0", 0},
		{"answered while it arrives", "ask:r1 begun end:r1 ok ok", "request:r1 answered:r1", false, "2 0 0", 0},
		{"answered while it does not arrive", "ask:r1 begun end:r1 fail 1h ok", "-", false, "0 0 0", 0},
		{"answered after it was refused", "ask:r1 refuse end:r1 ok", "-", false, "0 1 0", 0},
		{"answered and never asked", "end:r1 ok", "-", false, "0 0 0", 0},
		{"all: answered before it was announced", "ask:r1 end:r1 ok ok", "request:r1 answered:r1", true, "2 0 0", 0},
		{"all: the end waits for its request", "ask:r1 fail end:r1 ok 1s ok ok", "- request:r1 answered:r1", true, "2 0 0", 0},
		{"all: the end comes without its request", "ask:r1 refuse end:r1 ok", "answered:r1", true, "1 1 0", 0},
		{"all: an end keeps a request longer", "ask:r1 fail 4m fail end:r1 4m ok ok", "request:r1 answered:r1", true, "2 0 0", 0},
		{"withdrawn", "ask:r1 cancel:r1 ok", "-", false, "0 0 0", 0},
		{"withdrawn while it is tried", "ask:r1 begun cancel:r1 fail 1h ok", "-", false, "0 0 0", 0},
		{"withdrawn while it arrives", "ask:r1 begun cancel:r1 ok end:r1 ok", "request:r1 answered:r1", false, "2 0 0", 0},
		{"withdrawn and told before", "ask:r1 ok end:r1 cancel:r1 ok", "request:r1 answered:r1", false, "2 0 0", 0},
		{"full", "ask:r1 ask:r2 ask:r3 ask:r4 ok ok ok ok", "full request:r1 request:r2 request:r3 -", false, "3 0 1", 0},
		{"full, and then not", "ask:r1 ask:r2 ask:r3 end:r1 ask:r4 ok ok ok", "request:r2 request:r3 request:r4", false, "3 0 0", 0},
		{"of one dropped nobody knows", "ask:r1 ask:r2 ask:r3 ask:r4 ok end:r4 ok ok ok", "full request:r1 request:r2 request:r3 -", false, "3 0 1", 0},
		{"an end that waits long", "ask:r1 ok end:r1 fail 10m ok", "request:r1 -", false, "1 1 0", 0},
		{"at last nothing waits for its time", "ask:r1 fail last ok", "request:r1", false, "1 0 0", 0},
		{"at last nothing is tried again", "ask:r1 last fail ok", "-", false, "0 1 0", 0},
		{"left", "ask:r1 ask:r2 ok", "request:r1", false, "1 0 0", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := &line{all: tc.all, limit: 3}
			if got := strings.Join(play(t, l, tc.script), " "); got != tc.want {
				t.Errorf("delivers %q, want %q", got, tc.want)
			}
			if got := fmt.Sprint(l.counts.Delivered, l.counts.Failed, l.counts.Dropped); got != tc.counts {
				t.Errorf("counts %s, want %s", got, tc.counts)
			}
			if len(l.jobs) != tc.left {
				t.Errorf("%d left, want %d", len(l.jobs), tc.left)
			}
		})
	}
}

// TestLineRemembersBounded: what was announced is forgotten some time after its deadline, and is never too much.
func TestLineRemembersBounded(t *testing.T) {
	l := &line{limit: 1}
	for i := range maxTold + 10 {
		j := ask(fmt.Sprint("r", i))
		j.until = j.until.Add(time.Duration(i) * time.Millisecond)
		l.add(j, start)
		if got, _, _ := l.next(start); got != j {
			t.Fatalf("%d: not due", i)
		}
		l.done(j, result{}, start, 0)
	}
	if len(l.told) != maxTold {
		t.Errorf("%d remembered", len(l.told))
	}
	if l.add(end("r0"), start) != moot || l.add(end(fmt.Sprint("r", maxTold+9)), start) != queued {
		t.Error("not the oldest was forgotten")
	}
	l.next(start.Add(time.Hour))
	if len(l.told) != 0 {
		t.Errorf("%d remembered after an hour", len(l.told))
	}
}

func TestLineWaits(t *testing.T) {
	l := &line{limit: 9}
	if _, wait, _ := l.next(start); wait != 0 {
		t.Errorf("waits %v for nothing", wait)
	}
	for i, after := range []time.Duration{0, 20 * time.Second, 3 * time.Second} {
		j := ask(fmt.Sprint(i))
		l.add(j, start)
		l.next(start)
		l.done(j, result{err: errOut, after: after}, start, 0)
	}
	if _, wait, _ := l.next(start); wait != time.Second {
		t.Errorf("waits %v", wait)
	}
	var due []string
	for range 3 {
		if j, _, _ := l.next(start.Add(4 * time.Second)); j != nil {
			due = append(due, j.id)
			l.done(j, result{}, start, 0)
		}
	}
	if !slices.Equal(due, []string{"0", "2"}) {
		t.Errorf("due are %q", due)
	}
}

func TestProblems(t *testing.T) {
	l := &line{limit: 1}
	say := func(at time.Duration) string { return strings.Join(l.problems("chat", start.Add(at)), "\n") }
	if say(0) != "" {
		t.Errorf("new: %s", say(0))
	}
	play(t, l, "ask:r1 fail ask:r2")
	for _, want := range []string{`hook "chat" fails since`, "out of order", "that wait: 1", "0 notices were given up and 1 dropped because 1 were waiting"} {
		if !strings.Contains(say(0), want) {
			t.Errorf("%q is not in\n%s", want, say(0))
		}
	}
	play(t, l, "1s ok")
	if got := say(time.Minute); strings.Contains(got, "fails") || !strings.Contains(got, "1 dropped") {
		t.Errorf("after one has arrived: %s", got)
	}
	if got := say(2 * time.Hour); got != "" {
		t.Errorf("much later: %s", got)
	}
}

func TestBackoff(t *testing.T) {
	for _, tc := range []struct {
		failures    int
		asked       time.Duration
		least, most time.Duration
	}{
		{1, 0, time.Second, time.Second},
		{2, 0, time.Second, 2 * time.Second},
		{3, 0, 2 * time.Second, 4 * time.Second},
		{9, 0, 128 * time.Second, 256 * time.Second},
		{10, 0, 150 * time.Second, 5 * time.Minute},
		{1 << 40, 0, 150 * time.Second, 5 * time.Minute},
		{1, 7 * time.Second, 7 * time.Second, 7 * time.Second},
		{3, time.Second, 2 * time.Second, 4 * time.Second},
		{1, 1e6 * time.Hour, 5 * time.Minute, 5 * time.Minute},
	} {
		least, most := backoff(tc.failures, tc.asked, 0), backoff(tc.failures, tc.asked, 1)
		if least != tc.least || most != tc.most {
			t.Errorf("after %d failures, asked for %v: %v to %v, want %v to %v", tc.failures, tc.asked, least, most, tc.least, tc.most)
		}
	}
}
