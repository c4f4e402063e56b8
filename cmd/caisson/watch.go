// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"caisson/daemon/api"
)

// watch runs a view on a terminal. The view, the screen and the terminal are used by one goroutine, the one in run; the
// others read keys, follow the list and carry answers, and only send it what they have.
type watch struct {
	term   *terminal
	screen *screen
	view   *view
	poll   poller
	answer func(context.Context, api.AnswerRequest) (api.Answers, error)

	input   chan []byte
	news    chan news
	results chan result
	ended   chan error // of a goroutine, with or without an error
	crash   chan any   // what a goroutine has panicked with
}

// result is what became of an order.
type result struct {
	order order
	out   api.Answers
	err   error
}

// run shows the view until it is left. The terminal is then as it was before, also when the program is told to end, and
// when it panics.
func (w *watch) run(ctx context.Context, first api.Approvals) (err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGWINCH, unix.SIGTSTP, unix.SIGCONT)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.input, w.news, w.results = make(chan []byte), make(chan news), make(chan result)
	w.ended, w.crash = make(chan error), make(chan any)

	defer func() {
		if leaveErr := w.term.leave(); err == nil {
			err = leaveErr
		}
		dieBy(err)
	}()
	if err := w.term.enter(); err != nil {
		return err
	}
	w.start(func() { w.end(ctx, w.read(ctx)) })
	w.start(func() { w.end(ctx, w.poll.follow(ctx, first, func(n news) { send(ctx, w.news, n) })) })
	w.view.update(first.Requests, time.Now())
	return w.loop(ctx, signals)
}

// loop handles one thing after the other, and draws after each.
func (w *watch) loop(ctx context.Context, signals <-chan os.Signal) error {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var decoder keyDecoder

	for {
		columns, rows := w.term.size()
		if err := w.screen.draw(w.view.frame(columns, rows, time.Now()), columns, rows); err != nil {
			return err
		}
		var impatient <-chan time.Time
		if p := decoder.patience(); p > 0 {
			impatient = time.After(p)
		}

		quit, err := false, error(nil)
		select {
		case <-second.C:
		case b := <-w.input:
			quit, err = w.keys(ctx, decoder.feed(b))
		case <-impatient:
			quit, err = w.keys(ctx, decoder.giveUp())
		case n := <-w.news:
			w.take(n)
		case r := <-w.results:
			w.view.answered(r.order, r.out, r.err, time.Now())
			quit = w.view.leaving && len(w.view.busy) == 0
		case sig := <-signals:
			err = w.signal(sig)
		case err := <-w.ended:
			return err
		case p := <-w.crash:
			panic(p)
		case <-ctx.Done():
			return nil
		}
		if quit || err != nil {
			return err
		}
	}
}

// take shows the view what the daemon says.
func (w *watch) take(n news) {
	if n.err != nil {
		w.view.lose(n.err)
		return
	}
	w.view.update(n.list.Requests, time.Now())
}

// keys does what keys are for.
func (w *watch) keys(ctx context.Context, list []key) (quit bool, err error) {
	if slices.ContainsFunc(list, func(k key) bool { return k.name == keySuspend }) {
		return false, w.suspend()
	}
	orders, quit := w.view.keys(list, time.Now())
	for _, o := range orders {
		w.start(func() {
			out, err := w.carry(ctx, o)
			send(ctx, w.results, result{o, out, err})
		})
	}
	return quit, nil
}

// carry gives the daemon an answer, if what waits under the id is still what was on the screen.
func (w *watch) carry(ctx context.Context, o order) (api.Answers, error) {
	list, err := w.poll.fetch(ctx, 0)
	if err != nil {
		return api.Answers{}, err
	}
	if a, ok := findApproval(list.Requests, o.about.ID); !ok || !same(a, o.about) {
		return api.Answers{}, fmt.Errorf("%s does not wait any more: nothing was done", o.about.ID)
	}
	return w.answer(ctx, o.in)
}

// read hands on what is typed, until the terminal is gone.
func (w *watch) read(ctx context.Context) error {
	for {
		b := make([]byte, 1024)
		n, err := w.term.in.Read(b)
		if err != nil {
			return fmt.Errorf("reading from the terminal: %w", err)
		}
		if !send(ctx, w.input, b[:n]) {
			return nil
		}
	}
}

// start runs a goroutine whose panic is that of the loop, which leaves the terminal as it was.
func (w *watch) start(f func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				w.crash <- p
			}
		}()
		f()
	}()
}

func (w *watch) end(ctx context.Context, err error) { send(ctx, w.ended, err) }

// send gives a value to the loop, unless that is over.
func send[T any](ctx context.Context, to chan<- T, value T) bool {
	select {
	case to <- value:
		return true
	case <-ctx.Done():
		return false
	}
}
