// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// bootID identifies this boot of the host. Mono means nothing without it.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot ID: %w (is /proc mounted?)", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// bootTime is the time since boot, suspend included, in nanoseconds. The
// kernel stamps its events with the same clock.
func bootTime() uint64 {
	var ts unix.Timespec
	// Should never fail because the clock exists since Linux 2.6.39 and ts is
	// on our stack; zero then says "unknown" rather than something wrong.
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return uint64(ts.Nano())
}
