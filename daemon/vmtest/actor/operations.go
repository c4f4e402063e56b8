// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func asErrno(err error, errno *unix.Errno) bool { return errors.As(err, errno) }

// operations are the system calls an actor can be asked for, each as raw as Go allows.
var operations = map[string]func(Request) Answer{
	"ping": func(Request) Answer { return Answer{} },
	"open": func(r Request) Answer {
		fd, err := unix.Open(r.Path, r.Flag|unix.O_CLOEXEC, 0o644)
		if err == nil {
			unix.Close(fd)
		}
		return answer(err)
	},
	"read": func(r Request) Answer {
		b, err := os.ReadFile(r.Path)
		a := answer(err)
		if err == nil {
			a.Out = string(b)
		}
		return a
	},
	"write":  func(r Request) Answer { return answer(os.WriteFile(r.Path, []byte(r.Data), 0o644)) },
	"mkdir":  func(r Request) Answer { return answer(unix.Mkdir(r.Path, 0o755)) },
	"rmdir":  func(r Request) Answer { return answer(unix.Rmdir(r.Path)) },
	"unlink": func(r Request) Answer { return answer(unix.Unlink(r.Path)) },
	"rename": func(r Request) Answer { return answer(unix.Rename(r.Path, r.To)) },
	"exchange": func(r Request) Answer {
		return answer(unix.Renameat2(unix.AT_FDCWD, r.Path, unix.AT_FDCWD, r.To, unix.RENAME_EXCHANGE))
	},
	"link":        func(r Request) Answer { return answer(unix.Link(r.Path, r.To)) },
	"symlink":     func(r Request) Answer { return answer(unix.Symlink(r.To, r.Path)) },
	"mkfifo":      func(r Request) Answer { return answer(unix.Mknod(r.Path, unix.S_IFIFO|0o644, 0)) },
	"mkfile":      func(r Request) Answer { return answer(unix.Mknod(r.Path, unix.S_IFREG|0o644, 0)) },
	"truncate":    func(r Request) Answer { return answer(unix.Truncate(r.Path, int64(r.Flag))) },
	"chmod":       func(r Request) Answer { return answer(unix.Chmod(r.Path, 0o600)) },
	"chown":       func(r Request) Answer { return answer(unix.Chown(r.Path, r.Flag, r.Flag)) },
	"utimes":      func(r Request) Answer { return answer(unix.UtimesNano(r.Path, make([]unix.Timespec, 2))) },
	"setxattr":    func(r Request) Answer { return answer(unix.Setxattr(r.Path, r.To, []byte(r.Data), 0)) },
	"removexattr": func(r Request) Answer { return answer(unix.Removexattr(r.Path, r.To)) },
	"chdir":       func(r Request) Answer { return answer(unix.Chdir(r.Path)) },
	"chroot":      func(r Request) Answer { return answer(unix.Chroot(r.Path)) },
	"unshare":     func(r Request) Answer { return answer(unix.Unshare(r.Flag)) },
	"bind":        func(r Request) Answer { return answer(unix.Mount(r.Path, r.To, "", unix.MS_BIND, "")) },
	"private":     func(Request) Answer { return answer(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")) },
	"tmpfs":       func(r Request) Answer { return answer(unix.Mount("tmpfs", r.Path, "tmpfs", 0, "")) },
	"memfd":       memfd,
	"opentree":    openTree,
	"exec":        func(r Request) Answer { return run(r, 0) },
	"execinit":    func(r Request) Answer { return run(r, unix.CLONE_NEWPID) },
	"opens":       opens,
	"race":        race,
	"threads":     threads,
	"forks":       forks,
	"connect":     connect,
	"sendto":      sendto,
	"fastopen":    fastOpen,
	"unspec":      unspec,
	"unixdgram":   unixDatagram,
	"socketpair":  socketPair,
	"argvrace":    argvRace,
	"umount":      func(r Request) Answer { return answer(unix.Unmount(r.Path, unix.MNT_DETACH)) },
	"mknodchar":   func(r Request) Answer { return answer(unix.Mknod(r.Path, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3)))) },
	"proc":        func(r Request) Answer { return answer(unix.Mount("proc", r.Path, "proc", 0, "")) },
	"remount":     func(r Request) Answer { return answer(unix.Mount("", r.Path, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")) },
	"pivot":       func(r Request) Answer { return answer(unix.PivotRoot(r.Path, r.To)) },
	"movemount":   moveMount,
	"bpf":         bpfProbe,
	"takefd":      takeDescriptor,
	"peek":        peek,
	"enter":       enter,
	"pipe":        reopenPipe,
	"memfdsize":   memfdSize,
	"talk":        talk,
	"sendmmsg":    sendmmsg,
	"deploys":     deploys,
}

// run executes Args (argv) as the program Path, in new namespaces, and waits; Errno is execve's, Status the exit status.
func run(r Request, namespaces uintptr) Answer {
	argv := r.Args
	if len(argv) == 0 {
		argv = []string{r.Path}
	}

	var out strings.Builder
	cmd := &exec.Cmd{Path: r.Path, Args: argv, Stdout: &out, Stderr: &out, SysProcAttr: &syscall.SysProcAttr{Cloneflags: namespaces}}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return Answer{Status: exit.ExitCode(), Out: out.String()}
	}
	a := answer(err)
	if err == nil {
		a.Out = out.String()
	}
	return a
}

// memfd copies the program Path to a file that no file system the host has mounted holds, and executes that.
func memfd(r Request) Answer {
	b, err := os.ReadFile(r.Path)
	if err != nil {
		return answer(err)
	}
	fd, err := unix.MemfdCreate("program", 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil {
			return answer(err)
		}
		b = b[n:]
	}
	return run(Request{Path: "/proc/self/fd/" + itoa(fd), Args: r.Args}, 0)
}

// openTree opens Path through a detached copy of the mount of To, where its path is a different one.
func openTree(r Request) Answer {
	tree, err := unix.OpenTree(unix.AT_FDCWD, r.To, unix.OPEN_TREE_CLONE)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(tree)
	fd, err := unix.Openat(tree, r.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return answer(err)
}
