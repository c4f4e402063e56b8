// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// rescan is how often a watcher calls even when nothing was reported: a notification that was lost must not keep a run
// alive for ever.
const rescan = 10 * time.Second

// Watcher tells when a run may have ended.
type Watcher struct {
	inotify *os.File
}

// NewWatcher returns a watcher of nothing.
func NewWatcher() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching runs: %w", err)
	}
	return &Watcher{os.NewFile(uintptr(fd), "inotify")}, nil
}

// Add watches a run. The watch goes with the run's directory. It may be called while Loop runs.
func (w *Watcher) Add(r Run) error {
	raw, err := w.inotify.SyscallConn()
	if err != nil {
		return fmt.Errorf("watching run %s: %w", r.ID, err)
	}
	path := filepath.Join(r.Dir, "cgroup.events")
	if ctlErr := raw.Control(func(fd uintptr) {
		_, err = unix.InotifyAddWatch(int(fd), path, unix.IN_MODIFY)
	}); ctlErr != nil {
		err = ctlErr
	}
	if err != nil {
		return fmt.Errorf("watching run %s: %w", r.ID, err)
	}
	return nil
}

// Loop calls check after every change of a watched run and at least every ten seconds, until the context ends. It
// returns the context's error, or why it cannot go on.
func (w *Watcher) Loop(ctx context.Context, check func()) error {
	buf := make([]byte, 4096)
	for ctx.Err() == nil {
		if err := w.inotify.SetReadDeadline(time.Now().Add(rescan)); err != nil {
			return fmt.Errorf("watching runs: %w", err)
		}
		stop := context.AfterFunc(ctx, func() { _ = w.inotify.SetReadDeadline(time.Unix(1, 0)) })
		_, err := w.inotify.Read(buf)
		stop()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("watching runs: %w", err)
		}
		check()
	}
	return ctx.Err()
}

// Close ends a Loop and all watches.
func (w *Watcher) Close() error { return w.inotify.Close() }
