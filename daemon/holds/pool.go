// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"context"
	"sync"

	"caisson/daemon/resolver"
)

// maxQueued is how many questions of one agent wait to be looked at.
const maxQueued = 1024

// pool hands questions to workers so that no agent waits for another: each agent has a queue, and the agents take turns.
type pool struct {
	mu     sync.Mutex
	more   sync.Cond
	queues map[string][]*resolver.Question // by agent; none is empty
	turns  []string                        // agents with a queue, whose turn it is first
	closed bool
}

func newPool() *pool {
	p := &pool{queues: map[string][]*resolver.Question{}}
	p.more.L = &p.mu
	return p
}

// add queues a question; false: its agent has too many there.
func (p *pool) add(q *resolver.Question) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	agent := q.Record.Agent
	if len(p.queues[agent]) >= maxQueued {
		return false
	}
	if len(p.queues[agent]) == 0 {
		p.turns = append(p.turns, agent)
	}
	p.queues[agent] = append(p.queues[agent], q)
	p.more.Signal()
	return true
}

// take waits for the next question; nil: there will be none.
func (p *pool) take() *resolver.Question {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.turns) == 0 && !p.closed {
		p.more.Wait()
	}
	if p.closed {
		return nil
	}
	agent := p.turns[0]
	p.turns = p.turns[1:]
	q := p.queues[agent][0]
	if rest := p.queues[agent][1:]; len(rest) > 0 {
		p.queues[agent] = rest
		p.turns = append(p.turns, agent)
	} else {
		delete(p.queues, agent)
	}
	return q
}

// work gives every question to f, by several workers at a time, until the context ends.
func (p *pool) work(ctx context.Context, workers int, f func(*resolver.Question)) {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closed = true
		p.more.Broadcast()
	})
	defer stop()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for q := p.take(); q != nil; q = p.take() {
				f(q)
			}
		})
	}
	all.Wait()
}
