// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// keep is how many generations of one agent's policy are remembered: events of an older one may still be in the ring
// buffer when the next is in force.
const keep = 16

// maxStrangers bounds how many cgroups without a policy are remembered by name.
const maxStrangers = 4096

// Options are what the resolver needs of the daemon. Record, Path and Run are required.
type Options struct {
	Record func(audit.Record) error             // appends to the log; may block
	Path   func(dev uint32, path string) string // host's path of a location, for people
	Run    func(cg uint64) string               // id of the run in a cgroup; "" if it is not one of ours
	Owner  func(cg uint64) string               // identity a cgroup is meant for, when the kernel knows of none; nil: never
	Clock  func() (wall time.Time, boot uint64) // now, twice: wall clock, and nanoseconds since boot. Nil: the host's
}

// Resolver turns events into records.
type Resolver struct {
	opt Options

	mu     sync.Mutex // guards the rest, and keeps records in the order of events
	agents map[uint32]*agent
	runs   map[uint64]*Counts // by cgroup id
	folds  map[foldKey]*Fold
	stats  Stats

	strangers map[uint64]string // by cgroup id: what Owner said

	epoch  time.Time // wall clock at boot, as it was when last read
	readAt uint64    // when that was, in ns since boot
}

// Counts are decisions.
type Counts struct{ Allowed, Denied uint64 }

// Stats counts what came from the kernel.
type Stats struct {
	Received      uint64
	Disagreements uint64
	Unchecked     uint64 // of a generation that is not known: not decided again, and no rule has a name
}

// agent is what is known of one identity.
type agent struct {
	name    string
	history []*generation // newest last
	counts  Counts
}

// generation is one policy in force, or formerly so.
type generation struct {
	number uint32
	image  *policy.Image
	rules  []policy.Rule
	words  map[string]bool
	digest string
}

// New returns a resolver that knows no agents.
func New(opt Options) *Resolver {
	if opt.Clock == nil {
		opt.Clock = clock
	}
	return &Resolver{opt: opt, agents: map[uint32]*agent{}, runs: map[uint64]*Counts{}, folds: map[foldKey]*Fold{}, strangers: map[uint64]string{}}
}

// Name tells which identity the kernel means by a number.
func (r *Resolver) Name(id uint32, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agent(id).name = name
}

// Learn tells which policy a generation of an agent is. It must be called before the kernel can report events of it.
func (r *Resolver) Learn(id, number uint32, p *policy.Policy, m *policy.Image) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.agent(id)
	a.history = append(a.history, &generation{number, m, m.Rules(), vocabulary(p), hex.EncodeToString(p.Digest[:4])})
	if len(a.history) > keep {
		a.history = a.history[1:]
	}
}

// agent returns what is known of a number, an unnamed agent if nothing is.
func (r *Resolver) agent(id uint32) *agent {
	a := r.agents[id]
	if a == nil {
		a = &agent{}
		r.agents[id] = a
	}
	return a
}

func (a *agent) generation(number uint32) *generation {
	for i := len(a.history) - 1; i >= 0; i-- {
		if a.history[i].number == number {
			return a.history[i]
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
	r.count(e)

	err := r.agree(e)
	if e.baseline() {
		r.fold(e)
		return err
	}
	return errors.Join(err, r.opt.Record(r.record(e)))
}

func (r *Resolver) count(e *event) {
	run := r.runs[e.Run]
	if run == nil {
		run = &Counts{}
		r.runs[e.Run] = run
	}

	r.stats.Received++
	if e.Denied != 0 {
		run.Denied++
		e.agent.counts.Denied++
		return
	}
	run.Allowed++
	e.agent.counts.Allowed++
}

// agree compares the kernel's verdict with that of the same image run here, from the same start node: the mount table may
// have changed in between, the node the kernel started at has not. It also compares the verdict with what was done.
func (r *Resolver) agree(e *event) error {
	if e.Reason != layout.ReasonPolicy {
		return nil
	}

	effect, _ := layout.SplitVerdict(e.Verdict)
	difference := ""
	if allowed := e.Denied == 0; allowed != (effect == layout.EffectAllow) {
		difference = fmt.Sprintf("verdict %s, but the kernel's answer was not that", policy.Effect(effect))
	}
	if e.gen != nil {
		if v := e.gen.image.RunFrom(e.StartNode, e.subject()); v.Word() != e.Verdict {
			difference = fmt.Sprintf("kernel: %s; user space: %s", e.gen.word(e.Verdict), e.gen.word(v.Word()))
		}
	}
	if difference == "" {
		return nil
	}

	r.stats.Disagreements++
	rec := r.record(e)
	rec.Kind, rec.Text = audit.KindDisagreement, difference
	return r.opt.Record(rec)
}

// word says a verdict word in words.
func (g *generation) word(w uint32) string {
	effect, n := layout.SplitVerdict(w)
	name := "no rule"
	if n >= 0 {
		name = fmt.Sprintf("rule %d, which does not exist", n)
	}
	if n >= 0 && n < len(g.rules) {
		name = fmt.Sprintf("rule %q", g.rules[n].Name)
	}
	return fmt.Sprintf("%s by %s", policy.Effect(effect), name)
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
	if c := r.runs[cg]; c != nil {
		return *c
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
