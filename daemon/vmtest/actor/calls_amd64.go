// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls are the system calls that wait for an answer (bpf/hold.h), each made once in a directory of its own that has a
// file "file", a directory "dir" and a symlink "sym". They are made by number, so that no library makes another of them.
var Calls = []struct {
	Name string
	make func(dir string) error
}{
	{"open", func(d string) error { return fdOf(raw(unix.SYS_OPEN, at(d, "file"), unix.O_RDWR, 0)) }},
	{"creat", func(d string) error { return fdOf(raw(unix.SYS_CREAT, at(d, "new"), 0o644)) }},
	{"openat", func(d string) error {
		return fdOf(raw(unix.SYS_OPENAT, here, at(d, "new"), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644))
	}},
	{"openat2", func(d string) error {
		how := unix.OpenHow{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY, Mode: 0o644}
		return fdOf(raw(unix.SYS_OPENAT2, here, at(d, "new"), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how)))
	}},
	{"truncate", func(d string) error { return only(raw(unix.SYS_TRUNCATE, at(d, "file"), 1)) }},
	{"ftruncate", func(d string) error {
		fd, err := unix.Open(filepath.Join(d, "file"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return errors.Join(only(raw(unix.SYS_FTRUNCATE, uintptr(fd), 1)), unix.Close(fd))
	}},
	{"rename", func(d string) error { return only(raw(unix.SYS_RENAME, at(d, "file"), at(d, "new"))) }},
	{"renameat", func(d string) error { return only(raw(unix.SYS_RENAMEAT, here, at(d, "file"), here, at(d, "new"))) }},
	{"renameat2", func(d string) error {
		return only(raw(unix.SYS_RENAMEAT2, here, at(d, "file"), here, at(d, "new"), unix.RENAME_NOREPLACE))
	}},
	{"mkdir", func(d string) error { return only(raw(unix.SYS_MKDIR, at(d, "new"), 0o755)) }},
	{"mkdirat", func(d string) error { return only(raw(unix.SYS_MKDIRAT, here, at(d, "new"), 0o755)) }},
	{"rmdir", func(d string) error { return only(raw(unix.SYS_RMDIR, at(d, "dir"))) }},
	{"link", func(d string) error { return only(raw(unix.SYS_LINK, at(d, "file"), at(d, "new"))) }},
	{"linkat", func(d string) error { return only(raw(unix.SYS_LINKAT, here, at(d, "file"), here, at(d, "new"), 0)) }},
	{"unlink", func(d string) error { return only(raw(unix.SYS_UNLINK, at(d, "file"))) }},
	{"unlinkat", func(d string) error { return only(raw(unix.SYS_UNLINKAT, here, at(d, "dir"), unix.AT_REMOVEDIR)) }},
	{"symlink", func(d string) error { return only(raw(unix.SYS_SYMLINK, at("to", ""), at(d, "new"))) }},
	{"symlinkat", func(d string) error { return only(raw(unix.SYS_SYMLINKAT, at("to", ""), here, at(d, "new"))) }},
	{"chmod", func(d string) error { return only(raw(unix.SYS_CHMOD, at(d, "file"), 0o600)) }},
	{"fchmod", onFile(func(fd uintptr) error { return only(raw(unix.SYS_FCHMOD, fd, 0o600)) })},
	{"fchmodat", func(d string) error { return only(raw(unix.SYS_FCHMODAT, here, at(d, "file"), 0o600)) }},
	{"fchmodat2", func(d string) error {
		if err := only(raw(unix.SYS_FCHMODAT2, here, at(d, "file"), 0o600, 0)); !errors.Is(err, unix.ENOSYS) {
			return err
		}
		return only(raw(unix.SYS_FCHMODAT, here, at(d, "file"), 0o600)) // a kernel before 6.6
	}},
	{"chown", func(d string) error { return only(raw(unix.SYS_CHOWN, at(d, "file"), 7, 7)) }},
	{"fchown", onFile(func(fd uintptr) error { return only(raw(unix.SYS_FCHOWN, fd, 7, 7)) })},
	{"lchown", func(d string) error { return only(raw(unix.SYS_LCHOWN, at(d, "sym"), 7, 7)) }},
	{"fchownat", func(d string) error { return only(raw(unix.SYS_FCHOWNAT, here, at(d, "file"), 7, 7, 0)) }},
	{"utime", func(d string) error {
		return only(raw(unix.SYS_UTIME, at(d, "file"), uintptr(unsafe.Pointer(&unix.Utimbuf{Actime: 1, Modtime: 1}))))
	}},
	{"utimes", func(d string) error {
		return only(raw(unix.SYS_UTIMES, at(d, "file"), uintptr(unsafe.Pointer(&[2]unix.Timeval{}))))
	}},
	{"futimesat", func(d string) error {
		return only(raw(unix.SYS_FUTIMESAT, here, at(d, "file"), uintptr(unsafe.Pointer(&[2]unix.Timeval{}))))
	}},
	{"utimensat", func(d string) error {
		return only(raw(unix.SYS_UTIMENSAT, here, at(d, "file"), uintptr(unsafe.Pointer(&[2]unix.Timespec{})), 0))
	}},
	{"mknod", func(d string) error { return only(raw(unix.SYS_MKNOD, at(d, "new"), unix.S_IFIFO|0o644, 0)) }},
	{"mknodat", func(d string) error { return only(raw(unix.SYS_MKNODAT, here, at(d, "new"), unix.S_IFIFO|0o644, 0)) }},
	{"setxattr", func(d string) error { return setx(unix.SYS_SETXATTR, at(d, "file")) }},
	{"lsetxattr", func(d string) error { return setx(unix.SYS_LSETXATTR, at(d, "file")) }},
	{"fsetxattr", onFile(func(fd uintptr) error { return setx(unix.SYS_FSETXATTR, fd) })},
	{"removexattr", func(d string) error { return only(raw(unix.SYS_REMOVEXATTR, at(d, "file"), at("trusted.old", ""))) }},
	{"lremovexattr", func(d string) error { return only(raw(unix.SYS_LREMOVEXATTR, at(d, "file"), at("trusted.old", ""))) }},
	{"fremovexattr", onFile(func(fd uintptr) error { return only(raw(unix.SYS_FREMOVEXATTR, fd, at("trusted.old", ""))) })},
	{"bind", func(d string) error {
		return onSocket(unix.AF_UNIX, func(fd int) error { return unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(d, "new")}) })
	}},
	{"execve", func(string) error { return exec.Command(holdProgram, "a").Run() }},
	{"execveat", func(string) error { return execveat(holdProgram) }},
	{"connect", func(string) error {
		return onSocket(unix.AF_INET, func(fd int) error { return refusedIsFine(unix.Connect(fd, holdAddress)) })
	}},
	{"sendto", func(string) error {
		return onDatagrams(func(fd int) error { return unix.Sendto(fd, []byte("x"), 0, holdAddress) })
	}},
	{"sendmsg", func(string) error {
		return onDatagrams(func(fd int) error { return unix.Sendmsg(fd, []byte("x"), nil, holdAddress, 0) })
	}},
}

// holdProgram and holdAddress are what a policy of the test asks for.
const holdProgram = "/usr/local/bin/tool"

var holdAddress = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 9}, Port: 9}

const here = ^uintptr(99) // AT_FDCWD

// call makes one of Calls, by name, in the directory Path.
func call(r Request) Answer {
	for _, c := range Calls {
		if c.Name == r.To {
			return answer(c.make(r.Path))
		}
	}
	return Answer{Errno: int(unix.ENOSYS)}
}

// at is a path as a system call takes it.
func at(dir, name string) uintptr { return uintptr(unsafe.Pointer(keep(filepath.Join(dir, name)))) }

// kept keeps alive what only numbers point to.
var kept [][]byte

func keep(s string) *byte {
	b := append([]byte(s), 0)
	kept = append(kept, b)
	return &b[0]
}

func fdOf(fd uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

// onFile makes a call on a descriptor of "file" that is open for reading only.
func onFile(f func(fd uintptr) error) func(string) error {
	return func(dir string) error {
		file, err := os.Open(filepath.Join(dir, "file"))
		if err != nil {
			return err
		}
		defer file.Close()
		return f(file.Fd())
	}
}

func setx(nr, file uintptr) error {
	return only(raw(nr, file, at("trusted.x", ""), at("y", ""), 1, 0))
}

func onSocket(family int, f func(fd int) error) error { return onSocketOf(family, unix.SOCK_STREAM, f) }

func onDatagrams(f func(fd int) error) error { return onSocketOf(unix.AF_INET, unix.SOCK_DGRAM, f) }

func onSocketOf(family, kind int, f func(fd int) error) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(f(fd), unix.Close(fd))
}

// refusedIsFine takes a refusal by the other side for what it is: the connection was tried.
func refusedIsFine(err error) error {
	if errors.Is(err, unix.ECONNREFUSED) {
		return nil
	}
	return err
}

// execveat executes a program through a descriptor, in a child.
func execveat(path string) error {
	fd, err := unix.Open(path, unix.O_PATH, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	argv, env := []*byte{keep(path), keep("a"), nil}, []*byte{nil}
	status, ok := forkCall(unix.SYS_EXECVEAT, uintptr(fd), at("", ""), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])), unix.AT_EMPTY_PATH)
	if !ok || status != 0 {
		return unix.EACCES
	}
	return nil
}
