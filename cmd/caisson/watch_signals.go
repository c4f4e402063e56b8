// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// diedOf is a signal that ends the program once the terminal is as it was.
type diedOf struct{ sig unix.Signal }

func (d *diedOf) Error() string { return d.sig.String() }

// signal does what a signal is for.
func (w *watch) signal(sig os.Signal) error {
	switch sig {
	case unix.SIGWINCH: // the next frame has the new size
		return nil
	case unix.SIGTSTP:
		return w.suspend()
	case unix.SIGCONT: // whoever was in front meanwhile may have changed the terminal
		return w.resume()
	}
	return &diedOf{sig.(unix.Signal)}
}

// suspend gives the terminal back and stops, until somebody continues the process.
func (w *watch) suspend() error {
	if err := w.term.leave(); err != nil {
		return err
	}
	if err := unix.Kill(os.Getpid(), unix.SIGSTOP); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return w.resume()
}

func (w *watch) resume() error {
	w.screen.forget()
	return w.term.enter()
}

// dieBy ends the program by the signal that was caught, so that its parent sees how it ended.
func dieBy(err error) {
	var d *diedOf
	if errors.As(err, &d) {
		signal.Reset(d.sig)
		_ = unix.Kill(os.Getpid(), d.sig)
		time.Sleep(time.Second) // it comes at once, unless it is ignored
	}
}
