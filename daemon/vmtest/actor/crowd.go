// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

func itoa(n int) string { return strconv.Itoa(n) }

// opens opens Path for reading Flag times and closes it again. Status counts how often it worked.
func opens(r Request) Answer {
	worked := 0
	for range r.Flag {
		fd, err := unix.Open(r.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		worked++
		unix.Close(fd)
	}
	return Answer{Status: worked}
}

// threads opens Path for reading and To for reading from Flag threads at once. Status counts the threads that got Path
// and were denied To.
func threads(r Request) Answer {
	var right atomic.Int32
	var all, ready sync.WaitGroup
	ready.Add(r.Flag)
	for range r.Flag {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			ready.Wait()

			fd, err := unix.Open(r.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return
			}
			unix.Close(fd)
			if _, err := unix.Open(r.To, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == unix.EACCES {
				right.Add(1)
			}
		})
	}
	all.Wait()
	return Answer{Status: int(right.Load())}
}

// forks makes Flag short-lived children, many at once, or all of them if Data says so; each opens To and must be denied, and
// opens Path and must not. Status counts the children for which both held. The children are made by a raw fork: nothing but system calls runs in
// them.
func forks(r Request) Answer {
	right := 0
	path, denied := cstring(r.Path), cstring(r.To)
	for started := 0; started < r.Flag; {
		batch := min(64, r.Flag-started)
		if r.Data == "all" {
			batch = r.Flag
		}
		for range batch {
			forkOne(path, denied)
		}
		started += batch
		for range batch {
			var status unix.WaitStatus
			if _, err := unix.Wait4(-1, &status, 0, nil); err == nil && status.Exited() && status.ExitStatus() == 0 {
				right++
			}
		}
	}
	return Answer{Status: right}
}

func cstring(s string) *byte {
	p, err := unix.BytePtrFromString(s)
	if err != nil {
		panic("a path of a test should never hold a NUL: " + err.Error())
	}
	return p
}

// self is the actor's own executable, by a path that needs no policy.
var self = func() string {
	path, err := os.Executable()
	if err != nil {
		return "/proc/self/exe"
	}
	return path
}()
