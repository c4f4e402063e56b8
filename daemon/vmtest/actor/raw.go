// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raw makes a system call by number.
func raw(nr uintptr, args ...uintptr) (uintptr, unix.Errno) {
	var a [6]uintptr
	copy(a[:], args)
	n, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return n, errno
}

// only keeps of a call whether it worked.
func only(_ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// rawSendto is sendto(2) with an address that no Go type describes.
func rawSendto(fd int, data, address []byte) error {
	_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)),
		0, uintptr(unsafe.Pointer(&address[0])), uintptr(len(address)))
	if errno != 0 {
		return errno
	}
	return nil
}

// argvRace executes Path Flag times with the argument Args[1], while another thread keeps changing that word to To and
// back. Both words have the same length. Status counts the children that ran with To; Errno is never set.
func argvRace(r Request) Answer {
	word := append([]byte(r.Args[1]), 0)
	good, bad := []byte(r.Args[1]), []byte(r.To)
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for !stop.Load() {
			copy(word, bad)
			copy(word, good)
		}
	}()

	ran := 0
	for range r.Flag {
		if status, ok := forkExec(cstring(r.Path), []*byte{cstring(r.Args[0]), &word[0], nil}); ok && status == argvBad {
			ran++
		}
	}
	return Answer{Status: ran}
}

// argvBad is the exit status of a program of [Program] that was given the forbidden word.
const argvBad = 66

// forkExec forks and executes in the child, without Go's own checks and copies of argv.
//
//go:norace
func forkExec(path *byte, argv []*byte) (status int, ok bool) {
	env := []*byte{nil}
	return forkCall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])), 0, 0)
}

// forkCall forks and makes one system call in the child, which ends with status 127 if that returns.
//
//go:norace
func forkCall(nr, a, b, c, d, e uintptr) (status int, ok bool) {
	beforeFork()
	pid, _, _ := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 {
		unix.RawSyscall6(nr, a, b, c, d, e, 0)
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
		}
	}
	afterFork()

	var ws unix.WaitStatus
	if _, err := unix.Wait4(int(pid), &ws, 0, nil); err != nil {
		return 0, false
	}
	return ws.ExitStatus(), ws.Exited()
}

// mapClock maps the first bytes of a file, which somebody else changes. They stay mapped until the process ends.
func mapClock(path string) (*atomic.Uint32, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b, err := unix.Mmap(fd, 0, 4, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Uint32)(unsafe.Pointer(&b[0])), nil
}

// WriteClock maps a clock for the side that moves things.
func WriteClock(path string) (*atomic.Uint32, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 4); err != nil {
		return nil, err
	}
	b, err := unix.Mmap(fd, 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Uint32)(unsafe.Pointer(&b[0])), nil
}
