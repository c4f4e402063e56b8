// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClock goes on when it is told to.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	waits map[chan time.Time]time.Time
}

func newFakeClock() *fakeClock { return &fakeClock{now: start, waits: map[chan time.Time]time.Time{}} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waits[ch] = c.now.Add(d)
	return ch
}

// skip goes on to when somebody who waits is next due, and returns how long that was; 0: nobody waits.
func (c *fakeClock) skip() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waits) == 0 {
		return 0
	}
	var next time.Time
	for _, at := range c.waits {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	d := next.Sub(c.now)
	c.now = next
	for ch, at := range c.waits {
		if !at.After(next) {
			ch <- next
			delete(c.waits, ch)
		}
	}
	return d
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a sender at work, until the test ends or stop is called.
type running struct {
	*Sender
	clock *fakeClock
	log   *logBuffer
	stop  func()
}

func run(t *testing.T, opt Options) running {
	t.Helper()
	r := running{clock: newFakeClock(), log: &logBuffer{}}
	opt.Clock, opt.Log = r.clock, slog.New(slog.NewTextHandler(r.log, nil))
	if opt.Host == "" {
		opt.Host = "host1"
	}
	var err error
	if r.Sender, err = New(opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func request(id string) Notice {
	return Notice{Event: EventRequest, ID: id, Agent: "a", Rule: "deploy", Action: "shell_exec", Op: "exec", Subject: "/usr/bin/npm run deploy",
		Since: start, Deadline: start.Add(5 * time.Minute), Quorum: 1}
}

func answered(id string) Notice {
	n := request(id)
	n.Event, n.Outcome, n.By = EventAnswered, Approved, []string{"ann"}
	return n
}

// idle says whether nothing but time can make the sender do something.
func (r running) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.outlets {
		if len(o.wake) > 0 || slices.ContainsFunc(o.line.jobs, func(j *job) bool { return j.busy }) {
			return false
		}
	}
	return true
}

// TestRetriesUntilDelivered: the same delivery comes again, signed anew, after longer and longer times.
func TestRetriesUntilDelivered(t *testing.T) {
	var attempts atomic.Int32
	srv, roots, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		switch attempts.Add(1) {
		case 1, 2, 4, 5:
			w.WriteHeader(500)
		case 3:
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(503)
		}
	})
	r := run(t, Options{Hooks: []Hook{hookAt(srv.URL)}, Roots: roots})
	r.Notify(request("r1"))

	var ids []string
	var waits []time.Duration
	for range 6 {
		d := <-got
		at := r.clock.Now()
		timestamp, id := d.header.Get("Caisson-Timestamp"), d.header.Get("Caisson-Delivery")
		if timestamp != strconv.FormatInt(at.Unix(), 10) ||
			d.header.Get("Caisson-Signature") != "v1="+independentSign([]byte(testKey), []byte(timestamp+"."+id+"."+string(d.body))) {
			t.Errorf("at %v: %v", at, d.header)
		}
		if !strings.Contains(string(d.body), `"host":"host1"`) {
			t.Errorf("body %s", d.body)
		}
		ids = append(ids, id)
		if len(ids) == 6 {
			break
		}
		var w time.Duration
		until(t, func() bool {
			if r.idle() {
				w = r.clock.skip()
			}
			return w > 0
		})
		waits = append(waits, w)
	}
	if len(slices.Compact(ids)) != 1 {
		t.Errorf("deliveries %q", ids)
	}
	for i, bound := range [][2]time.Duration{{1, 1}, {1, 2}, {20, 20}, {4, 8}, {8, 16}} {
		if w := waits[i]; w < bound[0]*time.Second || w > bound[1]*time.Second {
			t.Errorf("wait %d is %v, want %d to %d seconds", i, w, bound[0], bound[1])
		}
	}
	until(t, func() bool { return r.Counts()["chat"] == Counts{Delivered: 1} && len(r.Problems()) == 0 })
}

// TestRetriesUntilAnswered: once somebody has answered, nobody is asked any more; and who was never asked, is not told.
func TestRetriesUntilAnswered(t *testing.T) {
	for _, tc := range []struct {
		name string
		stop func(*Sender)
	}{
		{"answered", func(s *Sender) { s.Notify(answered("r1")) }},
		{"withdrawn", func(s *Sender) { s.Cancel("r1") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, roots, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
			r := run(t, Options{Hooks: []Hook{hookAt(srv.URL)}, Roots: roots})
			r.Notify(request("r1"))
			for range 3 {
				<-got
				until(t, func() bool { return r.idle() && r.clock.skip() > 0 })
			}
			<-got
			until(t, r.idle)
			tc.stop(r.Sender)
			until(t, func() bool { return r.idle() && r.Counts()["chat"] == Counts{} })
			r.clock.skip()
			until(t, r.idle)
			if len(got) > 0 {
				t.Errorf("was asked again: %s", (<-got).body)
			}
			if p := r.Problems(); len(p) != 1 || !strings.Contains(p[0], `hook "chat" fails since`) || !strings.Contains(p[0], "answered 500") {
				t.Errorf("problems %q", p)
			}
		})
	}
}

// TestDeadline: at the deadline a notice is given up, and that is said.
func TestDeadline(t *testing.T) {
	srv, roots, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	r := run(t, Options{Hooks: []Hook{hookAt(srv.URL)}, Roots: roots})
	r.Notify(request("r1"))
	until(t, func() bool {
		if r.idle() {
			r.clock.skip()
		}
		return r.Counts()["chat"] == Counts{Failed: 1}
	})
	if d := r.clock.Now().Sub(start); d > 5*time.Minute {
		t.Errorf("tried for %v", d)
	}
	if n := len(got); n < 7 || n > 12 { // 1, 1–2, 2–4, … 64–128 seconds apart
		t.Errorf("%d attempts", n)
	}
	if log := r.log.String(); strings.Count(log, "hook fails") != 1 || strings.Count(log, "notice given up") != 1 {
		t.Errorf("logged\n%s", log)
	}
	if p := strings.Join(r.Problems(), "\n"); !strings.Contains(p, "1 notices were given up") {
		t.Errorf("problems %q", p)
	}
}

// TestRefused: what a receiver does not want is not sent again.
func TestRefused(t *testing.T) {
	srv, roots, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) })
	r := run(t, Options{Hooks: []Hook{hookAt(srv.URL)}, Roots: roots})
	r.Notify(request("r1"))
	until(t, func() bool { return r.Counts()["chat"] == Counts{Failed: 1} })
	r.Notify(answered("r1"))
	until(t, r.idle)
	if len(got) != 1 || r.clock.skip() != 0 {
		t.Errorf("%d attempts", len(got))
	}
}

// TestQueueFull: whatever a receiver does, nobody waits for it; what does not fit is dropped and said, once a minute.
func TestQueueFull(t *testing.T) {
	stuck := make(chan struct{})
	srv, roots, got := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	})
	other, _, gotToo := receiver(t, nil)
	roots.AddCert(other.Certificate())
	hook := hookAt(other.URL)
	hook.Name = "other"
	r := run(t, Options{Hooks: []Hook{hookAt(srv.URL), hook}, Roots: roots, Queue: 4})
	r.Notify(request("r0"))
	<-got

	began := time.Now()
	for i := range 9 {
		r.Notify(request(fmt.Sprint("r", i+1)))
		<-gotToo // one that is stuck does not hold up the other
		until(t, func() bool { return r.Counts()["other"].Waiting == 0 })
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if c := r.Counts()["chat"]; c != (Counts{Waiting: 4, Dropped: 6}) {
		t.Errorf("%+v", c)
	}
	if p := r.Problems(); len(p) != 1 || !strings.Contains(p[0], `hook "chat": 0 notices were given up and 6 dropped because 4 were waiting`) {
		t.Errorf("problems %q", p)
	}
	if n := strings.Count(r.log.String(), "notice dropped"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	close(stuck)
	until(t, func() bool { return r.Counts()["chat"] == Counts{Delivered: 4, Dropped: 6} })
}

// TestOrder: hooks learn how a request ended after they learn of it.
func TestOrder(t *testing.T) {
	h, d := script(t, `touch DIR/runs; while ! [ -e DIR/go ]; do sleep 0.01; done; echo "$CAISSON_EVENT $(grep -o '"outcome":"[a-z]*"')" >>DIR/events`)
	r := run(t, Options{Hooks: []Hook{h}})
	r.Notify(request("r1"))
	until(t, func() bool { return exists(d + "/runs") })
	r.Notify(answered("r1")) // while the command runs
	r.Notify(request("r2"))
	r.Notify(answered("r2")) // before anybody knows of it
	r.Notify(Notice{Event: "approval.unknown", ID: "r3"})
	write(t, d+"/go", "", 0o644)
	until(t, func() bool { return r.idle() && r.Counts()["pager"] == Counts{Delivered: 2} })
	if got, want := read(t, d+"/events"), "approval.request \napproval.answered \"outcome\":\"approved\"\n"; got != want {
		t.Errorf("events\n%swant\n%s", got, want)
	}
	if !strings.Contains(r.log.String(), "unknown event") {
		t.Errorf("logged %s", r.log)
	}
}

// TestLastMoment: when the daemon stops, what waits is tried once more, and so is what others give while they stop.
func TestLastMoment(t *testing.T) {
	var fail atomic.Bool
	fail.Store(true)
	srv, roots, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if fail.Load() {
			w.WriteHeader(500)
		}
	})
	r := run(t, Options{Hooks: []Hook{hookAt(srv.URL)}, Roots: roots})
	r.Notify(request("r1"))
	<-got
	until(t, r.idle)
	fail.Store(false)
	stopped := make(chan struct{})
	go func() {
		r.stop()
		close(stopped)
	}()
	<-got
	r.Notify(answered("r1"))
	<-stopped
	if c := r.Counts()["chat"]; c != (Counts{Delivered: 2}) {
		t.Errorf("%+v", c)
	}
	r.Notify(request("r2")) // after the end: nothing happens
	if len(got) != 1 || !strings.Contains(string((<-got).body), EventAnswered) {
		t.Error("the end of the request was not told")
	}
}

// TestLastMomentIsShort: a receiver cannot keep the daemon from stopping.
func TestLastMomentIsShort(t *testing.T) {
	srv, roots, got := receiver(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	web := hookAt(srv.URL)
	cmd, d := script(t, "touch DIR/runs; exec sleep 1000")
	r := run(t, Options{Hooks: []Hook{web, cmd}, Roots: roots})
	for i := range 9 {
		r.Notify(request(fmt.Sprint("r", i)))
	}
	<-got
	until(t, func() bool { return exists(d + "/runs") })
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > lastMoment+3*time.Second {
		t.Errorf("took %v", took)
	}
	if !strings.Contains(r.log.String(), "stopped before everything was delivered") {
		t.Errorf("logged\n%s", r.log)
	}
}

// TestNoHooks: without hooks nothing is done, and Run waits for its end.
func TestNoHooks(t *testing.T) {
	r := run(t, Options{})
	r.Notify(request("r1"))
	r.Notify(Notice{})
	r.Cancel("r1")
	if r.Problems() != nil || len(r.Counts()) != 0 {
		t.Error("something of nothing")
	}
	r.stop()
}
