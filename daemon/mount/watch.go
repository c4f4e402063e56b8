// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Watch calls changed once at the start, so that nothing is missed between [Read] and Watch, and after every change of
// this process's mount table, until the context ends or polling fails. It returns the context's error then, and holds one
// thread for as long as it runs. Changes that come while changed runs are reported by one further call.
func Watch(ctx context.Context, changed func()) error {
	f, err := os.Open(infoFile)
	if err != nil {
		return fmt.Errorf("watching the mount table: %w", err)
	}
	defer f.Close()

	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("watching the mount table: %w", err)
	}
	defer unix.Close(wake)

	done := make(chan struct{})
	defer func() { <-done }() // before wake is closed
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // an eventfd with room never refuses
	})
	defer func() {
		if stop() {
			close(done)
		}
	}()

	changed()
	return poll(ctx, f, wake, changed)
}

// poll waits on the mount table: the kernel raises POLLPRI and POLLERR on it after a change (proc_pid_mountinfo(5)).
func poll(ctx context.Context, table *os.File, wake int, changed func()) error {
	fds := []unix.PollFd{
		{Fd: int32(table.Fd()), Events: unix.POLLPRI},
		{Fd: int32(wake), Events: unix.POLLIN},
	}
	for {
		_, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("polling the mount table: %w", err)
		}
		if ctx.Err() != nil {
			runtime.KeepAlive(table)
			return ctx.Err()
		}
		if fds[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0 {
			changed()
		}
	}
}
