// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// consoleLines is how much of the console is printed when something went wrong.
const consoleLines = 200

// powerOffTime is how long a machine that has sent its last frame may take to
// switch itself off. There is nothing in it worth saving.
const powerOffTime = 200 * time.Millisecond

// traceTime is how long a program that hangs may take to say where.
const traceTime = 3 * time.Second

// errTimeout means that the program was still running at the deadline.
var errTimeout = errors.New("timeout: the machine was stopped (raise -timeout)")

// qemuArgs is the command line of the virtual machine. ttyS0 is the kernel's
// console, ttyS1 the channel.
func qemuArgs(opt *options, image, initrd, socket string) []string {
	cmdline := "console=ttyS0 quiet panic=-1 oops=panic rdinit=/init"
	if opt.Append != "" {
		cmdline += " " + opt.Append
	}
	args := []string{
		// One host thread for all processors: with one each, QEMU 7.2 now and then lets a processor run into code that
		// another is patching, and Linux, which patches itself whenever a BPF program is attached, dies of an int3.
		"-accel", "tcg,thread=single", "-cpu", "max,la57=off",
		"-smp", strconv.Itoa(opt.CPUs), "-m", opt.Memory,
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "stdio",
		"-chardev", "socket,id=channel,path=" + strings.ReplaceAll(socket, ",", ",,"),
		"-serial", "chardev:channel",
		"-kernel", image, "-initrd", initrd, "-append", cmdline,
	}
	if opt.Icount {
		args = append(args, "-icount", "shift=0,sleep=off")
	}
	return args
}

// runMachine packs the guest, runs it and returns the program's exit status.
func runMachine(opt *options) (int, error) {
	k, err := findKernel(opt.Kernel)
	if err != nil {
		return 0, err
	}
	files, err := buildImage(opt, k)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "vmrun-")
	if err != nil {
		return 0, fmt.Errorf("creating work directory: %w", err)
	}
	defer os.RemoveAll(dir)

	initrd, err := writeImage(files, dir)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), opt.Timeout, errTimeout)
	defer cancel()
	ctx, stop := withSignals(ctx)
	defer stop()

	var echo io.Writer
	if opt.Verbose {
		echo = os.Stderr
	}
	console := newConsoleTail(consoleLines, echo)
	status, err := boot(ctx, opt, k, initrd, console)
	if err != nil {
		fmt.Fprintf(os.Stderr, "vmrun: last lines of the console of %s:\n%s", k, console.Bytes())
		return 0, err
	}
	return status, nil
}

// withSignals ends the context when somebody wants vmrun to stop; SIGQUIT is
// what go test sends at its own timeout.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)

	go func() {
		switch s, ok := <-signals; {
		case !ok:
		case s == syscall.SIGQUIT:
			cancel(errTimeout)
		default:
			cancel(fmt.Errorf("stopped by signal: %v", s))
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// boot starts QEMU and serves its channel until the machine has ended.
func boot(ctx context.Context, opt *options, k kernel, initrd string, console *consoleTail) (int, error) {
	socket := filepath.Join(filepath.Dir(initrd), "channel")
	guest, err := listen(socket)
	if err != nil {
		return 0, err
	}
	defer guest.Close()

	// QEMU must not outlive vmrun, even if that is killed with SIGKILL. The
	// signal is tied to the thread that starts it, so this one is kept.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	qemu := exec.Command("qemu-system-x86_64", qemuArgs(opt, k.Image(), initrd, socket)...)
	qemu.Stdout, qemu.Stderr = console, console
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := qemu.Start(); err != nil {
		return 0, fmt.Errorf("starting QEMU: %w (apt-get install qemu-system-x86)", err)
	}

	served := make(chan result, 1)
	go func() { served <- guest.Serve(os.Stdout, os.Stderr) }()
	ended := make(chan error, 1)
	go func() { ended <- qemu.Wait() }()
	return supervise(ctx, qemu.Process, guest, served, ended)
}

// supervise waits for the program's status, the machine's end or the
// deadline, whichever comes first, and leaves no process behind.
func supervise(ctx context.Context, qemu *os.Process, guest *link, served chan result, ended chan error) (int, error) {
	var res result
	select {
	case res = <-served:
		select {
		case <-ended:
		case <-time.After(powerOffTime):
			_ = qemu.Kill()
			<-ended
		}
	case err := <-ended:
		// What the guest had sent is still in the socket; no more will come.
		guest.Close()
		res = <-served
		if res.err != nil && err != nil {
			res.err = fmt.Errorf("%w (QEMU: %v)", res.err, err)
		}
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errTimeout) {
			guest.AskForTrace(served, traceTime)
		}
		_ = qemu.Kill()
		<-ended
		return 0, context.Cause(ctx)
	}
	return res.status, res.err
}
