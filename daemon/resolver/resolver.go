// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// keep is how many generations of one agent's policy are remembered when they are no longer in force: events of them may
// still be in the ring buffer. Those in force, one for the agent and one for each group of its runs with the same
// variables, are all remembered; the kernel bounds them.
const keep = 64

// maxStrangers bounds how many cgroups without a policy are remembered by name.
const maxStrangers = 4096

// Options are what the resolver needs of the daemon. Record, Path and Run are required.
type Options struct {
	Record func(audit.Record) error             // appends to the log; may block
	Path   func(dev uint32, path string) string // host's path of a location, for people
	Run    func(cg uint64) string               // id of the run in a cgroup; "" if it is not one of ours
	Owner  func(cg uint64) string               // identity a cgroup is meant for, when the kernel knows of none; nil: never
	Held   func(*Question)                      // takes a question; must not block, nor call the resolver. Nil: nobody answers
	Answer func(hold uint64) (Answer, bool)     // what a question was answered with, now that it is used; nil: nothing is known
	Clock  func() (wall time.Time, boot uint64) // now, twice: wall clock, and nanoseconds since boot. Nil: the host's
}

// Resolver turns events into records.
type Resolver struct {
	opt Options

	mu     sync.Mutex // guards the rest, and keeps records in the order of events
	agents map[uint32]*agent
	runs   map[uint64]*runState // by cgroup id
	folds  map[foldKey]*Fold
	stats  Stats

	strangers map[uint64]string // by cgroup id: what Owner said

	epoch  time.Time // wall clock at boot, as it was when last read
	readAt uint64    // when that was, in ns since boot
}

// runState is what is known of one run.
type runState struct {
	Counts
	denials []Denial // the last, oldest first
}

// Counts are decisions. Observed are denials that were not carried out, because the agent is only observed.
type Counts struct{ Allowed, Denied, Observed uint64 }

// Stats counts what came from the kernel.
type Stats struct {
	Received      uint64
	Disagreements uint64
	Unchecked     uint64 // of a generation that is not known: not decided again, and no rule has a name
}

// agent is what is known of one identity.
type agent struct {
	name   string
	live   map[uint32]*generation // in force, or about to be, by number
	past   []*generation          // no longer in force, the one that went last at the end
	counts Counts
}

// generation is one policy in force, or formerly so.
type generation struct {
	number  uint32
	policy  *policy.Policy
	env     policy.Env
	image   *policy.Image
	rules   []policy.Rule
	words   map[string]bool
	digest  string
	observe bool // denials are not carried out
}

// New returns a resolver that knows no agents.
func New(opt Options) *Resolver {
	if opt.Clock == nil {
		opt.Clock = clock
	}
	return &Resolver{opt: opt, agents: map[uint32]*agent{}, runs: map[uint64]*runState{}, folds: map[foldKey]*Fold{}, strangers: map[uint64]string{}}
}

// Name tells which identity the kernel means by a number.
func (r *Resolver) Name(id uint32, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agent(id).name = name
}

// Learn tells which policy a generation of an agent is, and what it was compiled in ([policy.Env.Memo]: it will be asked
// again, by several at a time). It must be called before the kernel can report events of it. It is remembered until
// [Resolver.Retire], and for some time after.
func (r *Resolver) Learn(id, number uint32, p *policy.Policy, env policy.Env, m *policy.Image) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agent(id).live[number] = &generation{number, p, env, m, m.Rules(), vocabulary(p), hex.EncodeToString(p.Digest[:4]), p.Mode == policy.Observe}
}

// Retire tells that a generation is not in force any more. It does nothing for one that is not known.
func (r *Resolver) Retire(id, number uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.agent(id)
	g := a.live[number]
	if g == nil {
		return
	}
	delete(a.live, number)
	a.past = append(a.past, g)
	if len(a.past) > keep {
		a.past = slices.Delete(a.past, 0, 1)
	}
}

// agent returns what is known of a number, an unnamed agent if nothing is.
func (r *Resolver) agent(id uint32) *agent {
	a := r.agents[id]
	if a == nil {
		a = &agent{live: map[uint32]*generation{}}
		r.agents[id] = a
	}
	return a
}

func (a *agent) generation(number uint32) *generation {
	if g := a.live[number]; g != nil {
		return g
	}
	for _, g := range a.past {
		if g.number == number {
			return g
		}
	}
	return nil
}

// Handle decides an event again and writes it down. Nothing of path and argv is used after it returns. The error is that
// of the log; the event is counted all the same.
func (r *Resolver) Handle(le layout.Event, path, argv []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	e := &event{Event: le, path: path, agent: r.agent(le.Agent)}
	if le.Op == layout.OpExec {
		e.words, e.cut = split(argv, int(le.Argc))
	}
	if le.Generation != 0 {
		if e.gen = e.agent.generation(le.Generation); e.gen == nil {
			r.stats.Unchecked++
		}
	}
	if answerable[e.Reason] && e.Hold != 0 && r.opt.Answer != nil {
		if a, ok := r.opt.Answer(e.Hold); ok {
			e.answer = &a
		}
	}
	r.count(e)

	err := r.agree(e)
	if e.baseline() {
		r.fold(e)
		return err
	}
	rec := r.record(e)
	if e.Denied != 0 {
		r.deny(e, rec)
	}
	err = errors.Join(err, r.opt.Record(rec))
	if e.Reason == layout.ReasonHeld && r.opt.Held != nil {
		r.opt.Held(r.question(e, rec))
	}
	return err
}

func (r *Resolver) count(e *event) {
	r.stats.Received++
	for _, c := range []*Counts{&r.run(e.Run).Counts, &e.agent.counts} {
		switch e.enforced() {
		case audit.EnforcedHeld: // what comes of it is counted
		case audit.EnforcedDeny:
			c.Denied++
		case audit.EnforcedObserved:
			c.Observed++
		default:
			c.Allowed++
		}
	}
}

func (r *Resolver) run(cg uint64) *runState {
	s := r.runs[cg]
	if s == nil {
		s = &runState{}
		r.runs[cg] = s
	}
	return s
}

// Stats returns the counters since the resolver was made.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Agent returns the decisions about an agent since the resolver was made.
func (r *Resolver) Agent(id uint32) Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agent(id).counts
}

// Run returns the decisions about the run in a cgroup since the resolver was made.
func (r *Resolver) Run(cg uint64) Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.runs[cg]; s != nil {
		return s.Counts
	}
	return Counts{}
}

func clock() (time.Time, uint64) {
	var ts unix.Timespec
	wall := time.Now()
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // should never fail because every kernel since 2.6.39 has this clock
	}
	return wall, uint64(ts.Nano())
}
