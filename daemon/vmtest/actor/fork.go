// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"syscall"
	"unsafe"
)

// forkOne forks; the child opens both paths, exits 0 if the first worked and the second was denied, and never returns to
// the Go scheduler, which does not survive a fork.
//
//go:norace
func forkOne(path, denied *byte) {
	const atFdcwd = ^uintptr(99) // -100
	beforeFork()
	pid, _, _ := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 {
		afterFork()
		return
	}

	status := uintptr(0)
	_, _, first := syscall.RawSyscall6(syscall.SYS_OPENAT, atFdcwd, uintptr(unsafe.Pointer(path)), 0, 0, 0, 0)
	_, _, second := syscall.RawSyscall6(syscall.SYS_OPENAT, atFdcwd, uintptr(unsafe.Pointer(denied)), 0, 0, 0, 0)
	if first != 0 {
		status |= 1
	}
	if second != syscall.EACCES {
		status |= 2
	}
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0)
	}
}

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()
