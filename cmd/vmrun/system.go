// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// kernelSystem is the real system.
type kernelSystem struct{}

func (kernelSystem) Mkdir(name string, perm os.FileMode) error { return os.MkdirAll(name, perm) }

func (kernelSystem) Mount(source, target, fstype string, flags uintptr, data string) error {
	return unix.Mount(source, target, fstype, flags, data)
}

func (kernelSystem) Symlink(target, name string) error { return os.Symlink(target, name) }

// openFiles and processes are the limits a systemd service would have.
const (
	openFiles = 1 << 19
	processes = 1 << 15
)

// prepareGuest does what is left between the mounts and the program.
func prepareGuest(job task) error {
	if err := unix.Sethostname([]byte(guestName)); err != nil {
		return fmt.Errorf("setting host name: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bringing up lo: %w", err)
	}
	if err := raiseLimits(); err != nil {
		return err
	}
	for _, file := range job.Modules {
		if err := loadModule(file); err != nil {
			return fmt.Errorf("loading %s: %w", file, err)
		}
	}
	if err := os.MkdirAll(job.Dir, 0o755); err != nil {
		return fmt.Errorf("creating working directory: %w", err)
	}
	return nil
}

// loopbackUp sets the interface flag; the kernel adds 127.0.0.1 and ::1.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)

	ifreq, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifreq.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifreq)
}

func raiseLimits() error {
	for _, l := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"open files", unix.RLIMIT_NOFILE, openFiles},
		{"processes", unix.RLIMIT_NPROC, processes},
		{"locked memory", unix.RLIMIT_MEMLOCK, unix.RLIM_INFINITY},
	} {
		limit := unix.Rlimit{Cur: l.value, Max: l.value}
		if err := unix.Setrlimit(l.resource, &limit); err != nil {
			return fmt.Errorf("raising limit of %s: %w", l.name, err)
		}
	}
	return nil
}

func loadModule(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()

	err = unix.FinitModule(int(f.Fd()), "", 0)
	if err == unix.EEXIST {
		return nil
	}
	return err
}

// openRaw opens a serial port so that every byte passes unchanged.
func openRaw(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("opening channel: %w", err)
	}
	settings := unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200}
	settings.Cc[unix.VMIN] = 1 // a read waits for a byte
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &settings); err != nil {
		return nil, fmt.Errorf("setting up channel: %w", err)
	}
	return f, nil
}

// drain waits until every byte has left the serial port. A write only fills
// the driver's buffer, and powering off forgets what is still in there: without
// this one run in ten or so loses its last frame.
func drain(port *os.File) error {
	for {
		// What tcdrain(3) does; any argument but 0 means to send no break.
		err := unix.IoctlSetInt(int(port.Fd()), unix.TCSBRK, 1)
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return fmt.Errorf("draining channel: %w", err)
		}
	}
}

// powerOff ends the machine; if even that fails, PID 1 ends, the kernel
// panics, and panic=-1 with QEMU's -no-reboot has the same effect.
func powerOff() {
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	os.Exit(1)
}
