// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Watch calls changed once at the start, so that nothing is missed between [Read] and Watch, and after every change of
// this process's mount table, until the context ends or polling fails. It returns the context's error then, and holds one
// thread for as long as it runs. Changes that come while changed runs are reported by one further call.
func Watch(ctx context.Context, changed func()) error {
	// Not os.Open: the Go runtime would put the file into its own epoll set, and a poll by anybody takes the news away from
	// everybody else who polls the same open file (mounts_poll in fs/proc_namespace.c).
	table, err := unix.Open(infoFile, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("watching the mount table: %w", err)
	}
	defer unix.Close(table)

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
	return poll(ctx, table, wake, changed)
}

// poll waits on the mount table: the kernel raises POLLPRI and POLLERR on it after a change (proc_pid_mountinfo(5)).
func poll(ctx context.Context, table, wake int, changed func()) error {
	fds := []unix.PollFd{
		{Fd: int32(table), Events: unix.POLLPRI},
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
			return ctx.Err()
		}
		if fds[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0 {
			changed()
		}
	}
}
