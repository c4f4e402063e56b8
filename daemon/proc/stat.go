// SPDX-License-Identifier: Apache-2.0

// Package proc reads what /proc says of a process or thread. Trust: the name is the process's own and may hold anything; the
// rest is the kernel's.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Tick is the unit of [Stat.Start]: Linux has fixed it for user space (USER_HZ).
const Tick = time.Second / 100

// Stat is what is used of /proc/PID/stat (proc_pid_stat(5)).
type Stat struct {
	Comm  string
	State byte
	PPID  int
	TTY   uint64 // controlling terminal, as new_encode_dev writes it; 0: none
	Start uint64 // since boot, in ticks, rounded down
}

// OfProcess reads the stat of a process. An error that is [os.ErrNotExist] or ESRCH: there is none.
func OfProcess(pid int) (Stat, error) { return read(fmt.Sprintf("/proc/%d/stat", pid)) }

// OfThread reads that of one of its threads.
func OfThread(pid, tid int) (Stat, error) {
	return read(fmt.Sprintf("/proc/%d/task/%d/stat", pid, tid))
}

func read(path string) (Stat, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Stat{}, err
	}
	s, err := parse(b)
	if err != nil {
		return Stat{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// parse counts fields from the end of the name, because that may hold anything: the state is the third of all.
func parse(b []byte) (Stat, error) {
	from, to := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if from < 0 || to < from {
		return Stat{}, errors.New("there is no name in it")
	}
	fields := bytes.Fields(b[to+1:])
	if len(fields) < 20 {
		return Stat{}, errors.New("it is too short")
	}
	ppid, err := strconv.Atoi(string(fields[1]))
	tty, err2 := strconv.ParseUint(string(fields[4]), 10, 32)
	start, err3 := strconv.ParseUint(string(fields[19]), 10, 64)
	if err := errors.Join(err, err2, err3); err != nil {
		return Stat{}, err
	}
	return Stat{string(b[from+1 : to]), fields[0][0], ppid, tty, start}, nil
}
