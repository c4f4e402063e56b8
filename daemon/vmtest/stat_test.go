//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// describe prints what a change of attributes would change.
func describe(st unix.Stat_t) string {
	return fmt.Sprintf("mode %o owner %d size %d links %d mtime %d.%d", st.Mode, st.Uid, st.Size, st.Nlink, st.Mtim.Sec, st.Mtim.Nsec)
}
