// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"time"

	"caisson/daemon/api"
)

// poller follows the list of requests. What an agent can cause, changes of the list, costs at most one question per gap.
type poller struct {
	fetch func(ctx context.Context, after uint64) (api.Approvals, error)
	gap   time.Duration // at least, between an answer and the next question
	pause time.Duration // the same after an answer that says nothing new, or an error
}

const (
	pollGap   = 100 * time.Millisecond
	pollPause = time.Second
)

// news is a list, or why there is none at present.
type news struct {
	list api.Approvals
	err  error
}

// follow tells of each list after the first, and of each error that may pass, until ctx or the daemon's patience with the
// caller ends.
func (p poller) follow(ctx context.Context, first api.Approvals, tell func(news)) error {
	after := first.Version
	for wait := p.gap; sleep(ctx, wait); {
		began := time.Now()
		list, err := p.fetch(ctx, after)
		switch {
		case ctx.Err() != nil:
			return nil
		case lasting(err):
			return err
		case err != nil:
			after, wait = 0, p.pause
			tell(news{err: err})
			continue
		}
		wait = p.gap
		if list.Version == after && time.Since(began) < p.pause { // it did not wait, though nothing was new
			wait = p.pause
		}
		if list.Version != after || after == 0 {
			tell(news{list: list})
		}
		after = list.Version
	}
	return nil
}

// lasting says whether an error is the daemon's word about the caller, which is not another for asking again.
func lasting(err error) bool {
	var answer *api.Error
	return errors.As(err, &answer) && answer.Status/100 == 4
}

// sleep waits; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
