// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"caisson/audit"
)

// settleTime is how long the log may take to show what a process has done.
const settleTime = 10 * time.Second

// journal follows the audit log and keeps what it reads: the second witness.
type journal struct {
	mu      sync.Mutex
	records []audit.Record
	err     error // why it ended before it was told to

	stop func()
	done chan struct{}
}

// openJournal begins to follow the log of a daemon that has started.
func openJournal(ctx context.Context, dir string) *journal {
	ctx, stop := context.WithCancel(ctx)
	j := &journal{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(j.done)
		err := audit.Tail(ctx, dir, audit.Filter{}, audit.Start{}, func(r audit.Record) error {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.records = append(j.records, r)
			return nil
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.err = err
		}
	}()
	return j
}

func (j *journal) close() {
	j.stop()
	<-j.done
}

// of returns the records of a process: those with its PID and, if it was launched, those of its whole run.
func (j *journal) of(pid int) ([]audit.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return ofProcess(j.records, pid), j.err
}

// kind returns the records of one kind.
func (j *journal) kind(k audit.Kind) []audit.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(j.records), func(r audit.Record) bool { return r.Kind != k })
}

func ofProcess(all []audit.Record, pid int) []audit.Record {
	run := ""
	for _, r := range all {
		if r.Kind == audit.KindAgentStart && r.PID == uint32(pid) {
			run = r.Run
		}
	}

	var found []audit.Record
	for _, r := range all {
		if r.PID == uint32(pid) || run != "" && r.Run == run {
			found = append(found, r)
		}
	}
	return found
}

// settled waits until the log says something about the attempt, or for as long as it may take, and returns the records of
// the process.
func (j *journal) settled(ctx context.Context, a *attempt, o *outcome) ([]audit.Record, error) {
	var records []audit.Record
	var err error
	until(ctx, settleTime, func() bool {
		records, err = j.of(o.pid)
		return err != nil || a.via == viaPlain || len(a.relevant(records)) > 0
	})
	return records, errors.Join(err, ctx.Err())
}
