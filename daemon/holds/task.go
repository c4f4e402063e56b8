// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"caisson/daemon/proc"
)

// Task is a thread that waits, as the kernel names it. Start, of its process in ns since boot, makes its numbers unique.
type Task struct {
	PID, TID uint32
	Start    uint64
}

// errEnded means that a task is no more.
var errEnded = errors.New("the task has ended")

// continueTask sends SIGCONT to the process of a task. It is held by a pidfd while it is made sure that it is the one that
// is meant, because somebody else's stopped process is not to be continued.
func continueTask(t Task) error {
	pidfd, err := unix.PidfdOpen(int(t.PID), 0)
	if errors.Is(err, unix.ESRCH) {
		return errEnded
	}
	if err != nil {
		return fmt.Errorf("process %d: pidfd_open: %w", t.PID, err)
	}
	defer unix.Close(pidfd)
	if err := alive(Task{t.PID, t.PID, t.Start}); err != nil {
		return err
	}
	err = unix.PidfdSendSignal(pidfd, unix.SIGCONT, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return errEnded
	}
	if err != nil {
		return fmt.Errorf("continuing process %d: %w", t.PID, err)
	}
	return nil
}

// alive returns errEnded if the task is no more, or a zombie.
func alive(t Task) error {
	stat, err := proc.OfThread(int(t.PID), int(t.TID))
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH):
		return errEnded
	case err != nil:
		return err
	case stat.State == 'Z' || stat.State == 'X':
		return errEnded
	}
	// A thread has a start of its own, at or after that of its process.
	started := t.Start / uint64(proc.Tick)
	if t.TID == t.PID && stat.Start != started || stat.Start < started {
		return errEnded
	}
	return nil
}
