// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"caisson/daemon/api"
)

// change is a request that is new or gone. It is a line of JSON, so its names stay.
type change struct {
	Time    time.Time    `json:"time"`
	Change  string       `json:"change"` // changeNew or changeGone
	Request api.Approval `json:"request"`
}

const (
	changeNew  = "new"
	changeGone = "gone"
)

// changes are what is different between two lists: first what is gone, then what is new.
func changes(before, after []api.Approval, now time.Time) []change {
	var out []change
	compare := func(what string, some, others []api.Approval) {
		for _, a := range some {
			if !slices.ContainsFunc(others, func(b api.Approval) bool { return same(a, b) }) {
				out = append(out, change{now.UTC(), what, a})
			}
		}
	}
	compare(changeGone, before, after)
	compare(changeNew, after, before)
	return out
}

// watchLines writes a line for each change, the requests that wait already being the first, until ctx ends.
func watchLines(ctx context.Context, u *ui, p poller, first api.Approvals, asJSON bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list, quiet := first.Requests, false

	tell := func(n news) {
		if n.err != nil {
			if !quiet {
				u.note("%v; asking again", n.err)
			}
			quiet = true
			return
		}
		quiet = false
		if err := printChanges(u, changes(list, n.list.Requests, time.Now()), asJSON); err != nil {
			cancel(err)
		}
		list = n.list.Requests
	}

	if err := printChanges(u, changes(nil, list, time.Now()), asJSON); err != nil {
		return err
	}
	if err := p.follow(ctx, first, tell); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// printChanges writes changes and sees to it that they are read at once.
func printChanges(u *ui, list []change, asJSON bool) error {
	for _, c := range list {
		if asJSON {
			if err := u.jsonLine(c); err != nil {
				return err
			}
			continue
		}
		a := c.Request
		u.printf("%s %s %s %s %s %s\n", c.Time.Format(time.RFC3339), c.Change, a.ID, a.Agent, a.Rule, a.Subject)
	}
	return u.flush()
}
