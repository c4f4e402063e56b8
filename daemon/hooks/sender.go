// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	random "math/rand/v2"
	"os"
	"sync"
	"time"
)

// Clock is the time, and what waits for it; tests put another in its place.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Options say what to tell, and whom. Every zero value means the default.
type Options struct {
	Hooks []Hook
	Host  string // name of this host; empty: its own
	Log   *slog.Logger
	Queue int            // notices that may wait for one hook; 0: DefaultQueue
	Clock Clock          // nil: the host's
	Roots *x509.CertPool // who may vouch for web servers; nil: whom the host trusts
}

// DefaultQueue is how many notices may wait for one hook: eight agents' whole queues of requests. More than that, nobody
// reads.
const DefaultQueue = 256

// Times of the real world, whatever the clock says.
const (
	webTime     = 10 * time.Second       // for one request, from the look-up of the name to the head of the answer
	commandTime = 30 * time.Second       // for one command: it may itself talk to a slow server
	answerTime  = 5 * time.Minute        // how long it is tried to tell that a request has ended
	lastMoment  = 2 * time.Second        // for everything that has not been delivered when the daemon stops
	linger      = 100 * time.Millisecond // for notices that others still give while they stop
)

// outlet is a hook at work.
type outlet struct {
	name    string
	line    line // guarded by Sender.mu
	wake    chan struct{}
	limit   time.Duration // of one attempt
	deliver func(context.Context, *job) result
	said    time.Time // when it was last logged that notices are dropped; guarded by Sender.mu
}

// Sender delivers notices. It is safe for concurrent use, and its methods never wait for a receiver.
type Sender struct {
	log   *slog.Logger
	clock Clock
	host  string

	mu      sync.Mutex // short: guards the lines
	outlets []*outlet  // never changes
}

// New returns a sender that delivers nothing before [Sender.Run].
func New(opt Options) (*Sender, error) {
	s := &Sender{log: opt.Log, clock: opt.Clock, host: opt.Host}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.clock == nil {
		s.clock = wallClock{}
	}
	if s.host == "" {
		s.host, _ = os.Hostname() // without a name, receivers still know the address
	}
	if opt.Queue <= 0 {
		opt.Queue = DefaultQueue
	}
	if len(opt.Hooks) > MaxHooks {
		return nil, fmt.Errorf("hooks: more than %d", MaxHooks)
	}

	seen := map[string]bool{}
	for _, h := range opt.Hooks {
		if f := h.check(); f != nil {
			return nil, fmt.Errorf("hook %q: %w", h.Name, f)
		}
		if seen[h.Name] {
			return nil, fmt.Errorf("hook %q: there are two of that name", h.Name)
		}
		seen[h.Name] = true
		o := &outlet{name: h.Name, line: line{all: h.All, limit: opt.Queue}, wake: make(chan struct{}, 1)}
		if h.Command != nil {
			o.limit, o.deliver = commandTime, newCommand(h, s.log).deliver
		} else {
			o.limit, o.deliver = webTime, newWebhook(h, opt.Roots, s.clock.Now).deliver
		}
		s.outlets = append(s.outlets, o)
	}
	return s, nil
}

// Notify queues a notice for every hook. A notice that does not fit is dropped, counted and said. With EventAnswered nothing
// more is done to announce the request, and only hooks that know of it are told.
func (s *Sender) Notify(n Notice) {
	if len(s.outlets) == 0 {
		return
	}
	if n.Host == "" {
		n.Host = s.host
	}
	body, err := n.encode()
	if err == nil {
		err = n.check()
	}
	if err != nil { // a bug of the caller
		s.log.Error("notice for hooks", "error", err)
		return
	}

	now := s.clock.Now()
	for _, o := range s.outlets {
		j := &job{id: n.ID, event: n.Event, delivery: newDelivery(), body: body, due: now, until: n.Deadline}
		if n.Event == EventAnswered {
			j.until = now.Add(answerTime)
		}
		s.add(o, j, now)
	}
}

// add queues one job.
func (s *Sender) add(o *outlet, j *job, now time.Time) {
	s.mu.Lock()
	fate := o.line.add(j, now)
	dropped, say := o.line.counts.Dropped, false
	if fate == full && (o.said.IsZero() || now.Sub(o.said) >= time.Minute) { // an agent must not fill the journal
		o.said, say = now, true
	}
	s.mu.Unlock()
	if say {
		s.log.Error("notice dropped: too many wait for the hook", "hook", o.name, "request", j.id, "event", j.event, "dropped", dropped)
	}
	o.poke()
}

// poke makes a worker look at its line.
func (o *outlet) poke() {
	select {
	case o.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Cancel stops announcing a request, for a reason that nobody needs to be told. What is on its way goes on.
func (s *Sender) Cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outlets {
		o.line.cancel(id)
	}
}

// Problems are what an operator must know: hooks that fail, and notices that were lost within the last hour.
func (s *Sender) Problems() []string {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, o := range s.outlets {
		list = append(list, o.line.problems(o.name, now)...)
	}
	return list
}

// Counts are the numbers of each hook, by name.
func (s *Sender) Counts() map[string]Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]Counts{}
	for _, o := range s.outlets {
		c := o.line.counts
		c.Waiting = len(o.line.jobs)
		m[o.name] = c
	}
	return m
}

// newDelivery names a notice for one hook. It is no secret.
func newDelivery() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

// chance is from 0 up to 1.
func chance() float64 { return random.Float64() }
