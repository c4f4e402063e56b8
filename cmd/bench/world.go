// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"caisson/bpf"
	"caisson/daemon"
	"caisson/daemon/api"
	"caisson/daemon/client"
)

// What the workers use. Agents may read below openTop and nowhere else; the path has six components.
const (
	openTop     = "/bench"
	openPath    = openTop + "/project/src/internal/parse/main.go"
	walkTop     = openTop + "/project/src/walk"
	execProgram = "/bin/true"
)

// walkDirs is more than the programs' cache of directories has entries.
const walkDirs = 256

// startTime is how long the daemon may take; it compiles 10,000 rules in an emulated machine.
const startTime = 5 * time.Minute

// world is the guest: files, a listener, and in time the programs.
type world struct {
	self, caisson string
	listener      net.Listener
	floor         link.Link
	programs      bpf.ProbeObjects
	daemon        *exec.Cmd
}

// newWorld lays out the files and starts the listener.
func newWorld() (*world, error) {
	name, err := os.Hostname()
	if err != nil || name != "vmrun" || os.Getppid() != 1 {
		return nil, fmt.Errorf("this is no virtual machine of vmrun (make bench): host %q, parent %d, error %v", name, os.Getppid(), err)
	}

	w := &world{caisson: "/usr/bin/caisson"}
	if w.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("own program: %w", err)
	}
	files := []string{openPath}
	for i := range walkDirs {
		files = append(files, walkFile(walkTop, i))
	}
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, fmt.Errorf("laying out files: %w", err)
		}
		if err := os.WriteFile(file, []byte("package main\n"), 0o644); err != nil {
			return nil, fmt.Errorf("laying out files: %w", err)
		}
	}
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	go acceptAll(w.listener)
	return w, watchSomething()
}

// watchSomething makes the kernel look for watchers at each open and close on the file system (fsnotify_sb_has_watchers),
// which costs some 80 instructions each. The daemon watches its policies, as systemd and others watch on every host: the
// difference that it would make on a host on which nobody does is not what is measured here. The watch lives as long as the
// program.
func watchSomething() error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	if _, err := unix.InotifyAddWatch(fd, "/etc", unix.IN_CREATE); err != nil {
		return fmt.Errorf("watching /etc: %w", err)
	}
	return nil
}

// acceptAll takes connections and lets them go.
func acceptAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			c.Close()
		}
	}
}

func (w *world) close() { w.listener.Close() }

// attachFloor attaches the smallest program there is to file_open: what caisson cannot be cheaper than.
func (w *world) attachFloor(context.Context) error {
	spec, err := bpf.LoadProbe()
	if err != nil {
		return fmt.Errorf("reading the smallest program: %w", err)
	}
	if err := spec.LoadAndAssign(&w.programs, nil); err != nil {
		return fmt.Errorf("loading the smallest program: %w", err)
	}
	w.floor, err = link.AttachLSM(link.LSMOptions{Program: w.programs.ProbeFileOpen})
	if err != nil {
		return fmt.Errorf("attaching the smallest program: %w", err)
	}
	return nil
}

// startDaemon takes the smallest program away, writes the policies, starts caissond and waits until it answers.
func (w *world) startDaemon(ctx context.Context) error {
	if err := errors.Join(w.floor.Close(), w.programs.Close()); err != nil {
		return fmt.Errorf("detaching the smallest program: %w", err)
	}
	if err := writePolicies(daemon.DefaultPolicies, w); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(daemon.DefaultAudit), 0o755); err != nil {
		return fmt.Errorf("making the directory of the log: %w", err)
	}

	w.daemon = exec.CommandContext(ctx, "/usr/sbin/caissond")
	w.daemon.Stderr = os.Stderr
	if err := w.daemon.Start(); err != nil {
		return fmt.Errorf("starting caissond: %w", err)
	}
	c := client.New(api.DefaultSocket)
	for deadline := time.Now().Add(startTime); ; time.Sleep(50 * time.Millisecond) {
		_, err := c.Self(ctx)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("caissond does not answer: %w", err)
		}
	}
}

// stopDaemon ends the daemon and lets go of its programs.
func (w *world) stopDaemon(ctx context.Context) error {
	if err := w.daemon.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stopping caissond: %w", err)
	}
	if err := w.daemon.Wait(); err != nil {
		return fmt.Errorf("caissond: %w", err)
	}
	w.daemon = nil
	if out, err := exec.CommandContext(ctx, "/usr/sbin/caissond", "detach").CombinedOutput(); err != nil {
		return fmt.Errorf("caissond detach: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// pauseDaemon stops the daemon, when it has read what there is.
func (w *world) pauseDaemon() error {
	time.Sleep(100 * time.Millisecond)
	if err := w.daemon.Process.Signal(unix.SIGSTOP); err != nil {
		return fmt.Errorf("pausing caissond: %w", err)
	}
	time.Sleep(20 * time.Millisecond)
	return nil
}
