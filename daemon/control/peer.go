// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"caisson/bpf/layout"
	"caisson/daemon/proc"
)

// soPeerPidfd is SO_PEERPIDFD of Linux 6.5 (include/uapi/asm-generic/socket.h), the same on x86-64 and arm64.
const soPeerPidfd = 0x4d

// Peer is the process at the other end, as the kernel names it.
type Peer struct {
	PID      int
	UID, GID uint32
	Pidfd    int             // holds the process: its number is not given to another while we look
	Agent    bool            // it is an agent, or stands where only agents run
	Identity layout.Identity // zero for an agent that has not met a hook yet
}

// Who asks the kernel who a process is.
type Who interface {
	// IdentityOf reads the task storage; false: it has none.
	IdentityOf(pidfd int) (layout.Identity, bool, error)
	// Inside says whether a process is in a cgroup below caisson.slice.
	Inside(pid int) (bool, error)
}

// connect reads who connected. The pidfd must be closed by the caller.
func connect(conn *net.UnixConn) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, fmt.Errorf("peer: %w", err)
	}

	var cred *unix.Ucred
	pidfd := -1
	ctl := raw.Control(func(fd uintptr) {
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pidfd, err = peerPidfd(int(fd), int(cred.Pid))
		}
	})
	if err = errors.Join(ctl, err); err != nil {
		return Peer{}, fmt.Errorf("peer: %w", err)
	}
	return Peer{PID: int(cred.Pid), UID: cred.Uid, GID: cred.Gid, Pidfd: pidfd}, nil
}

// peerPidfd returns a pidfd of the process that connected. Before Linux 6.5 it has to be found by its number, which may
// have been given to another process since: one that is younger than this moment is not it.
func peerPidfd(fd, pid int) (int, error) {
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, soPeerPidfd)
	if err == nil {
		unix.CloseOnExec(pidfd)
		return pidfd, nil
	}
	if !errors.Is(err, unix.ENOPROTOOPT) {
		return -1, fmt.Errorf("SO_PEERPIDFD: %w", err)
	}

	before := time.Now()
	if pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return -1, fmt.Errorf("pidfd_open: %w", err)
	}
	started, err := startTime(pid)
	if err == nil && started.After(before) {
		err = fmt.Errorf("process %d is not the one that connected", pid)
	}
	if err != nil {
		return -1, errors.Join(err, unix.Close(pidfd))
	}
	return pidfd, nil
}

// identify reads who the peer is now. Whatever cannot be read is an error, and so is a process that has ended: nothing
// is known of it, while somebody else may hold its end of the connection.
func (p *Peer) identify(who Who) error {
	id, agent, err := who.IdentityOf(p.Pidfd)
	if err != nil {
		return fmt.Errorf("identity of process %d: %w", p.PID, err)
	}
	inside, err := who.Inside(p.PID)
	if err != nil {
		return err
	}
	// Last: that it is alive now proves that all the above was said of it.
	if err := unix.PidfdSendSignal(p.Pidfd, 0, nil, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("process %d has ended: %w", p.PID, err)
	}
	p.Agent, p.Identity = agent || inside, id
	return nil
}

// startTime reads when a process started, rounded down to the clock tick.
func startTime(pid int) (time.Time, error) {
	stat, err := proc.OfProcess(pid)
	if err != nil {
		return time.Time{}, fmt.Errorf("start of process %d: %w", pid, err)
	}

	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Time{}, fmt.Errorf("time since boot: %w", err)
	}
	boot := time.Now().Add(-time.Duration(now.Nano()))
	return boot.Add(time.Duration(stat.Start) * proc.Tick), nil
}
