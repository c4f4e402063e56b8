// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"caisson/bpf"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// ErrNotEnforced says that an LSM program was loaded and attached and what it refused happened all the same.
var ErrNotEnforced = errors.New("an attached LSM program is not obeyed (is `bpf` in /sys/kernel/security/lsm, and kernel.ftrace_enabled 1?)")

// Probe loads a tiny LSM program, attaches it, sees it refuse an open of the calling thread, and detaches it. Nothing less
// proves that the host enforces. It affects no other thread.
func Probe() error {
	spec, err := bpf.LoadProbe()
	if err != nil {
		return fmt.Errorf("reading the embedded probe: %w", err)
	}

	var objs bpf.ProbeObjects
	if err := spec.LoadAndAssign(&objs, nil); err != nil {
		return fmt.Errorf("loading an LSM program: %w%s", err, loadHint(err))
	}
	defer objs.Close()

	l, err := link.AttachLSM(link.LSMOptions{Program: objs.ProbeFileOpen})
	if err != nil {
		return fmt.Errorf("attaching an LSM program: %w", err)
	}
	defer l.Close()

	return seeDenial(objs.ProbeThread)
}

func seeDenial(thread *ebpf.Variable) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	if err := thread.Set(uint32(unix.Gettid())); err != nil {
		return fmt.Errorf("arming the probe: %w", err)
	}

	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if disarm := thread.Set(uint32(0)); disarm != nil {
		return fmt.Errorf("disarming the probe: %w", disarm)
	}
	if err == nil {
		unix.Close(fd)
		return ErrNotEnforced
	}
	if !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("probing with open(%s): %w (expected a denial)", os.DevNull, err)
	}
	return nil
}

// loadHint turns the two refusals that are not about the program into advice.
func loadHint(err error) string {
	switch {
	case errors.Is(err, unix.EPERM) && os.Geteuid() != 0:
		return " (run as root)"
	case errors.Is(err, unix.EPERM):
		return " (root may not load LSM programs here: a container, a locked-down kernel, or a kernel that forbids them)"
	default:
		return ""
	}
}
