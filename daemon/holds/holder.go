// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/approvals"
	"caisson/daemon/hooks"
	"caisson/daemon/resolver"
	"caisson/policy"
)

// Kernel is the holding side: see package daemon/kernel, which documents the methods.
type Kernel interface {
	Attend(time.Duration) error
	Requests() (map[uint64]layout.Request, error)
	Answer(id uint64, a layout.Answer) error
	Forget(id uint64) error
}

// Options are what a holder needs of the daemon. Kernel, Record and Inside are required.
type Options struct {
	Kernel Kernel
	Record func(audit.Record) error    // returns when the record is on disk
	Inside func(pid int) (bool, error) // says whether a process is where agents run
	Behind func() bool                 // says whether events of the kernel have not been read yet; nil: never
	Limits approvals.Limits            // zero: the default
	Tag    string                      // of the ids; see approvals.New
	Log    *slog.Logger
	Clock  func() time.Time // nil: the host's
	Begun  func(News)       // is told of each new request; must not block. Nil: nobody is
	Ended  func(News)       // is told how it ended; the same

	// Tests put others in their place.

	Continue func(Task) error // sends SIGCONT
	Alive    func(Task) error
}

// Holder is safe for concurrent use.
type Holder struct {
	opt  Options
	pool *pool
	soon chan struct{} // something is due earlier than was thought

	mu      sync.Mutex // guards the rest; the kernel may be called under it, the log may not
	queue   *approvals.Queue
	calls   map[uint64]*call     // by the kernel's number
	last    map[Task]uint64      // the last question of each task
	crowd   map[Task]int         // calls of each process, by its first thread
	views   map[string]*view     // by id of the request
	gone    []audit.Record       // of requests that have ended by themselves, not yet in the log
	changed chan struct{}        // closed when a list of Pending may have changed
	stray   map[uint64]time.Time // questions that the kernel has and nobody has been told of, since when
}

// call is a system call that waits, or has been answered and not yet gone on.
type call struct {
	task    Task
	process Task // its first thread
	since   time.Time

	question *resolver.Question
	ruling   resolver.Ruling
	answer   *resolver.Answer // nil: it waits
	answered time.Time
	tries    int
	next     time.Time // when to continue it again
}

// view is what is shown of a request beside what the queue knows.
type view struct {
	record    audit.Record
	processes []api.Process
	news      News
}

// News is what is told of a request.
type News struct {
	api.Approval
	Redacted string   // the subject without words that may be secrets
	Outcome  string   // how it ended: one of package hooks; "" when it has begun
	By       []string // names of the users who have ended it
}

// redacted is the subject as the log has it.
func redacted(r audit.Record) string {
	if r.Addr != "" {
		return r.Proto + " " + net.JoinHostPort(r.Addr, strconv.Itoa(int(r.Port)))
	}
	return valid(strings.Join(append([]string{r.Path}, r.Argv...), " "))
}

// New returns a holder that holds nothing.
func New(opt Options) *Holder {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Limits == (approvals.Limits{}) {
		opt.Limits = approvals.DefaultLimits
	}
	if opt.Continue == nil {
		opt.Continue = continueTask
	}
	if opt.Behind == nil {
		opt.Behind = func() bool { return false }
	}
	if opt.Alive == nil {
		opt.Alive = alive
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Holder{
		opt: opt, pool: newPool(), soon: make(chan struct{}, 1), queue: approvals.New(opt.Limits, opt.Tag),
		calls: map[uint64]*call{}, last: map[Task]uint64{}, crowd: map[Task]int{}, views: map[string]*view{}, changed: make(chan struct{}),
		stray: map[uint64]time.Time{},
	}
}

// Take takes a question. It does not wait for its answer.
func (h *Holder) Take(q *resolver.Question) {
	h.begin(q)
	if !h.pool.add(q) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.reply(h.calls[q.Hold], resolver.Answer{Verdict: q.Verdict(), Reason: "queue-full", Text: "the agent has too many calls that wait"})
	}
}

// begin notes that a call waits. A task asks one question at a time: if it asks another, it has given up the one before.
func (h *Holder) begin(q *resolver.Question) {
	t := Task{q.Record.PID, q.Record.TID, q.Record.Start}
	h.mu.Lock()
	defer h.mu.Unlock()
	if before, ok := h.last[t]; ok {
		h.drop(before)
	}
	c := &call{task: t, process: Task{t.PID, t.PID, t.Start}, since: h.opt.Clock(), question: q}
	h.last[t], h.calls[q.Hold] = q.Hold, c
	h.crowd[c.process]++
}

// workers is how many questions are looked at at a time.
func workers() int { return max(2, runtime.GOMAXPROCS(0)) }

// Run answers questions and looks after calls until the context ends. Then nothing is held any more.
func (h *Holder) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { h.beat(ctx) })
	parts.Go(func() { h.pool.work(ctx, workers(), h.decide) })
	h.attend(ctx)
	parts.Wait()
	err := h.Release()
	h.tellGone()
	return err
}

// decide settles a question, or queues it for somebody's approval.
func (h *Holder) decide(q *resolver.Question) {
	r := q.Settle()
	var line []api.Process
	if r.Effect == policy.RequireApproval && h.news(q, r) {
		line = lineage(q.Record.PID, h.opt.Inside) // it takes its time, so not under mu, and not for each of a thousand calls
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.calls[q.Hold]
	if c == nil || c.answer != nil {
		return
	}
	c.ruling = r
	switch r.Effect {
	case policy.RequireApproval:
		v, answered, first := h.queue.Ask(ask(q, r), h.opt.Clock())
		if answered {
			h.reply(c, h.answerOf(c, v))
			break
		}
		h.touch()
		if first {
			h.open(h.queue.Of(q.Hold), &view{record: q.Record, processes: line})
		}
	case policy.Allow:
		h.reply(c, resolver.Answer{Allow: true, Verdict: r.Verdict, Reason: "resolved", Text: "a pattern that only user space can match"})
	case policy.Defer:
		h.reply(c, resolver.Answer{Verdict: q.Verdict(), Reason: "unknown-name", Text: "the rule depends on the name of a host, which a connection does not have"})
	default:
		h.reply(c, resolver.Answer{Verdict: r.Verdict, Reason: "resolved", Text: "a pattern that only user space can match"})
	}
}

// news says whether a question would begin a request.
func (h *Holder) news(q *resolver.Question, r resolver.Ruling) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue.News(ask(q, r))
}

// open begins to show a request, and tells of it. The caller holds mu.
func (h *Holder) open(p approvals.Pending, v *view) {
	h.views[p.ID] = v
	v.news = News{Approval: h.describe(p), Redacted: redacted(v.record)}
	if h.opt.Begun != nil {
		h.opt.Begun(v.news)
	}
	h.hurry() // it has a deadline
}

// ask is a question as the queue takes it.
func ask(q *resolver.Question, r resolver.Ruling) approvals.Ask {
	a := r.Rule.Approval
	return approvals.Ask{
		Hold: q.Hold, Agent: q.Record.Agent, Run: q.Group, Generation: uint32(q.Record.Gen), Rule: r.Rule.Name,
		Action: q.Record.Action, Op: q.Record.Op, Subject: q.Subject,
		Terms: approvals.Terms{Message: a.Message, Timeout: a.Timeout, Approvers: a.Approvers, Quorum: a.Quorum},
	}
}

// reply answers a call and continues it. The caller holds mu.
func (h *Holder) reply(c *call, a resolver.Answer) {
	if c == nil || c.answer != nil {
		return
	}
	now := h.opt.Clock()
	c.answer, c.answered = &a, now
	allow := uint32(0)
	if a.Allow {
		allow = 1
	}
	if err := h.opt.Kernel.Answer(c.question.Hold, layout.Answer{Allow: allow, Verdict: a.Verdict}); err != nil {
		// The kernel does not know the answer, so the question must not stay: continued, the task asks anew.
		h.opt.Log.Error("answering a call", "question", c.question.Hold, "error", err)
		h.abandon(c)
		return
	}
	h.wake(c, now)
}

// Answer says how a question was answered, now that the kernel reports the use of the answer, and forgets it.
func (h *Holder) Answer(hold uint64) (resolver.Answer, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.calls[hold]
	if c == nil || c.answer == nil {
		return resolver.Answer{}, false
	}
	h.forget(c)
	return *c.answer, true
}

// forget lets go of a call. The caller holds mu.
func (h *Holder) forget(c *call) {
	delete(h.calls, c.question.Hold)
	if h.crowd[c.process]--; h.crowd[c.process] == 0 {
		delete(h.crowd, c.process)
	}
	if h.last[c.task] == c.question.Hold {
		delete(h.last, c.task)
	}
}

// drop lets go of a call that does not wait any more, if it is there. The caller holds mu.
func (h *Holder) drop(hold uint64) {
	c := h.calls[hold]
	if c == nil {
		return
	}
	h.forget(c)
	if id, over := h.queue.Gone(hold); over {
		h.close(id, hooks.Withdrawn, nil)
	} else if id != "" {
		h.touch()
	}
	if err := h.opt.Kernel.Forget(hold); err != nil {
		h.opt.Log.Error("forgetting a call", "question", hold, "error", err)
	}
}

// abandon lets go of a call and continues its task, which asks anew if it still wants to. The caller holds mu.
func (h *Holder) abandon(c *call) {
	h.drop(c.question.Hold)
	if err := h.opt.Continue(c.process); err != nil && !errors.Is(err, errEnded) {
		h.opt.Log.Error("continuing a task", "pid", c.task.PID, "error", err)
	}
}

// touch says that a list of Pending may have changed. The caller holds mu.
func (h *Holder) touch() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// hurry makes the loop look at what is due.
func (h *Holder) hurry() {
	select {
	case h.soon <- struct{}{}:
	default: // it is about to
	}
}
