// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked is wrapped by the error of Open when another process, or another
// Log in this one, has the log open.
var ErrLocked = errors.New("another writer has it open")

// lockPatience covers a reader that looks at the lock at the same moment.
const lockPatience = 200 * time.Millisecond

// lock takes the single-writer lock on directory d for as long as d is open.
func lock(d *osDir) error {
	deadline := time.Now().Add(lockPatience)
	for {
		err := unix.Flock(int(d.f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case err == unix.EINTR:
			continue
		case err != unix.EWOULDBLOCK:
			return fmt.Errorf("lock %s: %w (the log needs a local file system)", d.f.Name(), err)
		case time.Now().Before(deadline):
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if pid := lockHolder(d); pid != "" {
			return fmt.Errorf("lock %s: %w (process %s)", d.f.Name(), ErrLocked, pid)
		}
		return fmt.Errorf("lock %s: %w", d.f.Name(), ErrLocked)
	}
}

// locked reports whether a writer has the log in d open.
func locked(d *osDir) bool {
	if unix.Flock(int(d.f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK {
		return true
	}
	unix.Flock(int(d.f.Fd()), unix.LOCK_UN)

	return false
}

// lockHolder finds the process that holds the lock, from /proc/locks, where
// "1: FLOCK  ADVISORY  WRITE 5280 fe:00:9977903 0 EOF" names device and inode.
// It is a courtesy: "" when it cannot be known.
func lockHolder(d *osDir) string {
	var st unix.Stat_t
	if unix.Fstat(int(d.f.Fd()), &st) != nil {
		return ""
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return ""
	}
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[1] == "FLOCK" && f[5] == want && f[4] != "0" && !strings.HasPrefix(f[4], "-") {
			return f[4]
		}
	}
	return ""
}
