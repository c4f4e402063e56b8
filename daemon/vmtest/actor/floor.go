// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bpfProbe asks bpf(2) for the first program there is: BPF_PROG_GET_NEXT_ID.
func bpfProbe(Request) Answer {
	attr := make([]uint32, 32)
	_, _, errno := unix.Syscall(unix.SYS_BPF, 11, uintptr(unsafe.Pointer(&attr[0])), uintptr(len(attr)*4))
	return Answer{Errno: int(errno)}
}

// peek reads a byte of the memory of process Flag, at the address of a variable of our own: being refused comes before
// whether anything is there.
func peek(r Request) Answer {
	var here, there [1]byte
	local := []unix.Iovec{{Base: &here[0], Len: 1}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&there[0])), Len: 1}}
	_, err := unix.ProcessVMReadv(r.Flag, local, remote, 0)
	return answer(err)
}

// enter moves this process into a cgroup, after other requests have prepared what it brings along.
func enter(r Request) Answer {
	return answer(os.WriteFile(filepath.Join(r.Path, "cgroup.procs"), []byte("0"), 0))
}

// reopenPipe opens a pipe of our own again through /proc, as a shell's /dev/stdin does.
func reopenPipe(Request) Answer {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return answer(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	fd, err := unix.Open("/proc/self/fd/"+itoa(fds[0]), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return answer(err)
}

// memfdSize gives a memfd a size.
func memfdSize(Request) Answer {
	fd, err := unix.MemfdCreate("data", unix.MFD_CLOEXEC)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	return answer(unix.Ftruncate(fd, 4096))
}

// moveMount attaches a copy of the mount of Path at To, as the newer mount calls do it.
func moveMount(r Request) Answer {
	tree, err := unix.OpenTree(unix.AT_FDCWD, r.Path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(tree)
	return answer(unix.MoveMount(tree, "", unix.AT_FDCWD, r.To, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// takeDescriptor takes standard input from process Flag.
func takeDescriptor(r Request) Answer {
	pidfd, err := unix.PidfdOpen(r.Flag, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, 0, 0)
	if err == nil {
		unix.Close(fd)
	}
	return answer(err)
}
