// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"slices"
	"time"

	"caisson/daemon/api"
)

// settling is how long a request must have been under the cursor before a key answers it. A key that comes sooner was meant
// for what was there before.
const settling = 500 * time.Millisecond

// page is what the view shows.
type page int

const (
	pageList page = iota
	pageDetails
	pageReason // the list, and a line for the reason of a denial
	pageGone   // the list, after the request went while the reason was typed: what is typed on must not be taken for keys
)

// view is what `caisson approvals watch` shows and what its keys do. It draws nothing and asks nobody; it is told what
// happens and what time it is. Whatever a key is about is found by the request itself and never by its row.
type view struct {
	list     []api.Approval
	selected string               // id of the request under the cursor; "": nothing waits
	appeared map[string]time.Time // when each request came to be in the list
	here     time.Time            // when the selected one came under the cursor, other than by a key
	read     map[string]bool      // the whole subject has been on the screen
	busy     map[string]bool      // an answer is on its way
	lost     string               // why the list may be out of date; "": it is not
	message  string               // what happened last, escaped

	page    page
	top     int    // first row of the list, or line of the details, on the screen
	seen    int    // lines of the details that have been on the screen
	width   int    // that they were broken for
	body    int    // lines between head and foot; 0: the screen is too small for any
	reason  string // typed so far
	leaving bool   // as soon as no answer is on its way
}

func newView() *view {
	return &view{appeared: map[string]time.Time{}, read: map[string]bool{}, busy: map[string]bool{}}
}

// order is an answer that a key has given to the request that was on the screen.
type order struct {
	about api.Approval
	in    api.AnswerRequest
}

// update takes a new list. What is under the cursor stays there wherever it stands now; if it is gone, what has taken its
// place is under the cursor, but not yet answered by a key.
func (v *view) update(list []api.Approval, now time.Time) {
	row := max(v.row(), 0)
	old, _ := v.current()
	for _, before := range v.list {
		if !slices.ContainsFunc(list, func(a api.Approval) bool { return same(a, before) }) {
			delete(v.appeared, before.ID)
			delete(v.read, before.ID)
		}
	}
	for _, a := range list {
		if _, ok := v.appeared[a.ID]; !ok {
			v.appeared[a.ID] = now
		}
	}
	v.list, v.lost = list, ""

	if slices.ContainsFunc(list, func(a api.Approval) bool { return same(a, old) }) {
		return
	}
	if v.page != pageList && old.ID != "" {
		v.say("%s is gone: it was answered, its time has passed, or its processes have ended", old.ID)
	}
	if v.page == pageReason || v.page == pageGone {
		v.page = pageGone
	} else {
		v.page = pageList
	}
	v.top, v.here, v.selected = 0, now, ""
	if len(list) > 0 {
		v.selected = list[min(row, len(list)-1)].ID
	}
}

// lose says that the list may be out of date. Until there is another, nothing is answered.
func (v *view) lose(err error) { v.lost = escaped(err) }

// row is where the selected request stands; -1: nowhere.
func (v *view) row() int {
	return slices.IndexFunc(v.list, func(a api.Approval) bool { return a.ID == v.selected })
}

// current is the selected request.
func (v *view) current() (api.Approval, bool) {
	if i := v.row(); i >= 0 {
		return v.list[i], true
	}
	return api.Approval{}, false
}

// move puts the cursor on another row. This is by a key: only what has just come into the list has to settle.
func (v *view) move(by int) {
	if len(v.list) == 0 {
		return
	}
	v.selected = v.list[min(max(v.row()+by, 0), len(v.list)-1)].ID
	v.here = v.appeared[v.selected]
	v.message = ""
}

// answerable is the selected request, if a key may answer it now. If not, it says why.
func (v *view) answerable(now time.Time) (api.Approval, bool) {
	a, ok := v.current()
	switch {
	case !ok:
		v.say("%s", prose(nothingWaits))
	case v.lost != "":
		v.say("the daemon does not answer: nothing was done")
	case v.busy[a.ID]:
		v.say("%s is being answered", a.ID)
	case now.Sub(v.here) < settling:
		v.here = now // so that a key which is held down never answers
		v.say("%s has only just come under the cursor: nothing was done", a.ID)
	default:
		return a, true
	}
	return a, false
}

// approve gives an approval for the run, for a time, or once.
func (v *view) approve(forRun bool, forTime time.Duration, now time.Time) *order {
	a, ok := v.answerable(now)
	switch {
	case !ok:
		return nil
	case !v.read[a.ID]:
		v.say("%s is not shown as a whole: press s and read its subject to the end", a.ID)
		return nil
	case forRun && a.Run == "":
		v.say("%s has no run: press t to approve for a time", a.ID)
		return nil
	}
	in := api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{a.ID}, Run: forRun, For: forTime}
	return v.give(order{a, in})
}

// give remembers that an answer is on its way.
func (v *view) give(o order) *order {
	v.busy[o.about.ID] = true
	v.say("answering %s …", o.about.ID)
	return &o
}

// answered takes what became of an answer.
func (v *view) answered(o order, out api.Answers, err error, now time.Time) {
	delete(v.busy, o.about.ID)
	if err == nil {
		err = errors.Join(unanswered(o.in, out)...)
	}
	if err != nil {
		v.message = escaped(err)
		if hint := hintOf(err); hint != "" {
			v.message += " (" + visible(hint) + ")"
		}
		return
	}
	i := slices.IndexFunc(out.Answers, func(a api.Answered) bool { return a.ID == o.about.ID })
	v.say("%s %s", o.about.ID, prose(became(o.in, out.Answers[i], now)))
}
