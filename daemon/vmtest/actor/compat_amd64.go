// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() {
	operations["call"], operations["open32"] = call, open32
}

// call32 makes a system call as 32-bit programs do (arch/x86/entry/entry_64_compat.S, entry_INT80_compat).
//
//go:noescape
func call32(nr, a, b, c uint32) int32

// open32 opens Path with the open of 32-bit programs, which has another number.
func open32(r Request) Answer {
	const sysOpen32 = 5
	low, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_32BIT)
	if err != nil {
		return answer(err)
	}
	copy(low, r.Path+"\x00")
	fd := call32(sysOpen32, uint32(uintptr(unsafe.Pointer(&low[0]))), unix.O_RDONLY, 0)
	if err := unix.Munmap(low); err != nil {
		return answer(err)
	}
	if fd < 0 {
		return answer(unix.Errno(-fd))
	}
	return answer(unix.Close(int(fd)))
}
