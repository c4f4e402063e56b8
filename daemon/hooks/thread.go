// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// onSpareThread runs a function on a thread that ends with it, so that what the function does to its thread is done to no
// other part of the daemon.
func onSpareThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		// The main thread never ends, and what is done to it shows as the process's own. While it is locked here, the next
		// goroutine gets another.
		onSpareThread(f)
		runtime.UnlockOSThread()
	}()
	<-done
}

// powerless takes all capabilities from the calling thread, for good: what it executes gets none either, whoever owns it and
// whatever is written on its file (cap_bprm_creds_from_file with no_new_privs). A program that sends messages needs none.
func powerless() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up new privileges: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("giving up capabilities: %w", err)
	}
	return nil
}
