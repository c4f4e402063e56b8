// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// deploys makes files in the directory Path from Flag threads, each of which makes as many as Data says, one after the
// other: "THREAD-NUMBER". Out lists those that were refused; any other error than EACCES stands there, too.
func deploys(r Request) Answer {
	var each int
	if _, err := fmt.Sscan(r.Data, &each); err != nil {
		return Answer{Errno: int(unix.EINVAL)}
	}
	var mu sync.Mutex
	var refused []string
	var all sync.WaitGroup
	for thread := range r.Flag {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for n := range each {
				name := fmt.Sprintf("%d-%d", thread, n)
				fd, err := unix.Open(filepath.Join(r.Path, name), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o644)
				if err == nil {
					unix.Close(fd)
					continue
				}
				if err != unix.EACCES {
					name += ":" + err.Error()
				}
				mu.Lock()
				refused = append(refused, name)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return Answer{Out: strings.Join(refused, " ")}
}
