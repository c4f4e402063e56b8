// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Task is a thread that waits, as the kernel names it. Start, of its process in ns since boot, makes its numbers unique.
type Task struct {
	PID, TID uint32
	Start    uint64
}

// tick is the unit of times in /proc/PID/stat, in ns: Linux has fixed it for user space at 1/100 s.
const tick = 10_000_000

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
	stat, err := readStat(fmt.Sprintf("/proc/%d/task/%d/stat", t.PID, t.TID))
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH):
		return errEnded
	case err != nil:
		return err
	case stat.state == 'Z' || stat.state == 'X':
		return errEnded
	}
	// A thread has a start of its own, at or after that of its process.
	if t.TID == t.PID && stat.start != t.Start/tick || stat.start < t.Start/tick {
		return errEnded
	}
	return nil
}

// procStat is what matters here of /proc/PID/stat.
type procStat struct {
	comm  string
	state byte
	ppid  int
	start uint64 // in ticks
}

func readStat(path string) (procStat, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return procStat{}, err
	}
	// The name in parentheses may hold anything, so fields are counted from its end; the state is the third.
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from {
		return procStat{}, fmt.Errorf("%s: no name in it", path)
	}
	fields := bytes.Fields(b[to+1:])
	if len(fields) < 20 {
		return procStat{}, fmt.Errorf("%s: too short", path)
	}
	ppid, err := strconv.Atoi(string(fields[1]))
	start, err2 := strconv.ParseUint(string(fields[19]), 10, 64)
	if err := errors.Join(err, err2); err != nil {
		return procStat{}, fmt.Errorf("%s: %w", path, err)
	}
	return procStat{string(b[from+1 : to]), fields[0][0], ppid, start}, nil
}
