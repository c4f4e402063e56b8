// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"context"
	"errors"
	"time"

	"caisson/bpf/layout"
	"caisson/daemon/approvals"
)

const (
	// sweepTime is how often everything is looked at.
	sweepTime = time.Second
	// attendTime is for how long the kernel believes that somebody is there to answer. A daemon that has died is noticed
	// after that, and what would be held is denied.
	attendTime = 10 * time.Second
	// livesPerSweep is how many tasks are asked at a time whether they are alive: of more than that, others each time.
	livesPerSweep = 128
	// lostTime is after what time a question of which no event has come is put again: the event was lost. While there are
	// events to read, its own may be among them, so that it takes longer to say so: to put questions again that are on their
	// way would make more of them.
	lostTime       = 2 * time.Second
	lostTimeBehind = time.Minute
	// unusedTime is after what time an answer that is not used is taken back: nobody waits for it, or it was missed.
	unusedTime = 5 * time.Second
)

// A task that is continued goes on at once, unless another thread of its process stops the whole again before it had its
// turn: one that waits for another answer. So such a one is continued again soon, until its turn comes.
const (
	againAlone   = 50 * time.Millisecond // doubled each time
	againCrowded = 2 * time.Millisecond  // the same, up to againLongest
	againLongest = 16 * time.Millisecond
	againSlow    = 250 * time.Millisecond
	againOften   = 400 // tries, then slowly
)

// beat tells the kernel that somebody attends, until the context ends. However much there is to look after, it is not that
// for which the kernel must wait.
func (h *Holder) beat(ctx context.Context) {
	every := time.NewTicker(sweepTime)
	defer every.Stop()
	for {
		if err := h.opt.Kernel.Attend(attendTime); err != nil {
			h.opt.Log.Error("telling the kernel that somebody attends", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// attend continues tasks again, and ends what has waited too long, until the context ends.
func (h *Holder) attend(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.soon:
		case <-timer.C:
		}
		now := h.opt.Clock()
		if now.Sub(swept) >= sweepTime || now.Before(swept) {
			swept = now
			if err := h.sweep(now); err != nil {
				h.opt.Log.Error("looking after calls that wait", "error", err)
			}
		}
		next := h.due(now)
		if limit := swept.Add(sweepTime); next.IsZero() || next.After(limit) {
			next = limit
		}
		timer.Reset(max(time.Millisecond, next.Sub(h.opt.Clock())))
	}
}

// due continues what must be continued again and ends what has waited too long. It returns when it must be called next;
// zero: at no known time.
func (h *Holder) due(now time.Time) (next time.Time) {
	h.mu.Lock()
	over, next := h.queue.Expire(now)
	for _, c := range h.calls {
		if c.answer == nil {
			continue
		}
		if !now.Before(c.next) {
			h.wake(c, now)
		}
		if next.IsZero() || c.next.Before(next) {
			next = c.next
		}
	}
	h.mu.Unlock()

	if err := h.deliver("timeout", over, approvals.Person{}, "nobody answered in time"); err != nil {
		h.opt.Log.Error("record of a request that has timed out", "error", err)
	}
	h.tellGone()
	return next
}

// tellGone writes down which requests have ended by themselves.
func (h *Holder) tellGone() {
	h.mu.Lock()
	gone := h.gone
	h.gone = nil
	h.mu.Unlock()
	for _, r := range gone {
		if err := h.opt.Record(r); err != nil {
			h.opt.Log.Error("record of a request that has ended", "request", r.Ask, "error", err)
		}
	}
}

// wake continues a call that has been answered, and says when to do so again. The caller holds mu.
func (h *Holder) wake(c *call, now time.Time) {
	err := h.opt.Continue(c.process)
	if errors.Is(err, errEnded) {
		h.drop(c.question.Hold)
		return
	}
	if err != nil {
		h.opt.Log.Error("continuing a task", "pid", c.task.PID, "error", err)
	}
	wait := min(time.Second, againAlone<<min(c.tries, 5))
	if h.crowd[c.process] > 1 {
		wait = min(againLongest, againCrowded<<min(c.tries, 3))
	}
	if c.tries++; c.tries > againOften {
		wait = againSlow
	}
	c.next = now.Add(wait)
	if c.tries == 1 {
		h.hurry()
	}
}

// sweep compares what the kernel holds with what is known here.
func (h *Holder) sweep(now time.Time) error {
	held, err := h.opt.Kernel.Requests()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.stray {
		if _, ok := held[id]; !ok {
			delete(h.stray, id)
		}
	}
	lives := 0
	for id, r := range held { // Go begins anywhere, each time
		c := h.calls[id]
		lives++
		switch {
		case c == nil:
			h.adopt(id, r, now)
		case lives <= livesPerSweep && errors.Is(h.opt.Alive(c.task), errEnded):
			h.drop(id)
		case c.answer != nil && now.Sub(c.answered) > unusedTime:
			h.abandon(c)
		}
	}
	for id, c := range h.calls {
		// The kernel has let go of it: its task asks something else, or has died. What it has answered is used, and that
		// event is on its way.
		if _, ok := held[id]; !ok && now.Sub(c.since) > lostTime && now.Sub(c.answered) > unusedTime {
			h.drop(id)
		}
	}
	return nil
}

// adopt deals with a question that the kernel has and nobody has been told of: its event is on its way or was lost, or it
// was put to an earlier daemon. The caller holds mu.
func (h *Holder) adopt(id uint64, r layout.Request, now time.Time) {
	since, known := h.stray[id]
	if !known {
		h.stray[id] = now
		return
	}
	wait := lostTime
	if h.opt.Behind() {
		wait = lostTimeBehind
	}
	if now.Sub(since) < wait {
		return
	}
	delete(h.stray, id)
	if err := again(h.opt.Kernel, h.opt.Continue, id, r); err != nil {
		h.opt.Log.Error("a question that nobody knows", "question", id, "error", err)
	}
}

// again makes a task ask anew, if it still waits.
func again(k Kernel, cont func(Task) error, id uint64, r layout.Request) error {
	err := k.Forget(id)
	if e := cont(Task{r.PID, r.PID, r.Start}); !errors.Is(e, errEnded) {
		err = errors.Join(err, e)
	}
	return err
}

// Resume has everything that an earlier daemon has left asked anew. It must be called when policies are in force, and
// before Run.
func (h *Holder) Resume() error {
	if err := h.opt.Kernel.Attend(attendTime); err != nil {
		return err
	}
	return allAgain(h.opt.Kernel, h.opt.Continue)
}

// Release ends holding: everything that waits asks once more and, because nobody attends, is denied.
func (h *Holder) Release() error {
	return Release(h.opt.Kernel, h.opt.Continue)
}

// Release is [Holder.Release] without a daemon, for what another has left; nil continues with SIGCONT.
func Release(k Kernel, cont func(Task) error) error {
	if cont == nil {
		cont = continueTask
	}
	if err := k.Attend(0); err != nil {
		return err
	}
	return allAgain(k, cont)
}

// allAgain makes everything that the kernel holds ask anew.
func allAgain(k Kernel, cont func(Task) error) error {
	held, err := k.Requests()
	if err != nil {
		return err
	}
	var errs []error
	for id, r := range held {
		errs = append(errs, again(k, cont, id, r))
	}
	return errors.Join(errs...)
}
