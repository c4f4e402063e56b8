// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// workerWord is the first argument that makes the program a worker: the process that is measured.
const workerWord = "worker"

// A worker repeats its operation this often before it says "ready", which fills every cache, the kernel's and caisson's.
const warmUp = 0.25

// operation does one thing that is measured; i counts.
type operation func(i int) error

// operations are what a worker can do, by name; the argument is what it does it to.
var operations = map[string]func(arg string) (operation, error){
	"open":    openOne,
	"walk":    openMany,
	"exec":    execute,
	"connect": connect,
}

// work is a worker: it prepares, says "ready", waits for a line, measures, and prints the instructions per operation of
// each batch as a JSON list.
func work(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet(workerWord, flag.ContinueOnError)
	landlock := flags.String("landlock", "", "confine with Landlock to this `directory`")
	count := flags.Int("count", 1000, "operations per batch")
	batches := flags.Int("batches", 3, "batches")
	if err := flags.Parse(args); err != nil {
		return err
	}
	prepare, ok := operations[flags.Arg(0)]
	if !ok || flags.NArg() != 2 {
		return fmt.Errorf("%q is no operation with one argument", flags.Args())
	}

	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	if *landlock != "" {
		if err := restrict(*landlock); err != nil {
			return err
		}
	}
	op, err := prepare(flags.Arg(1))
	if err != nil {
		return err
	}
	if _, err := batch(op, int(float64(*count)*warmUp)+1); err != nil {
		return err
	}

	fmt.Fprintln(out, "ready")
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return fmt.Errorf("waiting for the start: %w", err)
	}
	costs := make([]float64, *batches)
	for i := range costs {
		if costs[i], err = batch(op, *count); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(costs)
}

// batch returns the cost of one operation: CPU time of this thread and of the children that it waited for, in ns.
func batch(op operation, count int) (float64, error) {
	before, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for i := range count {
		if err := op(i); err != nil {
			return 0, err
		}
	}
	after, err := cpuTime()
	return float64(after-before) / float64(count), err
}

// cpuTime is not rounded to ticks: the scheduler sums up what it gave this thread (CLOCK_THREAD_CPUTIME_ID), and that is
// also what the user and system times of ended children add up to (kernel/sched/cputime.c, cputime_adjust).
func cpuTime() (int64, error) {
	var ts unix.Timespec
	var children unix.Rusage
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0, fmt.Errorf("thread clock: %w", err)
	}
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &children); err != nil {
		return 0, fmt.Errorf("children's time: %w", err)
	}
	return ts.Nano() + children.Utime.Nano() + children.Stime.Nano(), nil
}

// openOne opens and closes one file.
func openOne(path string) (operation, error) {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return nil, err
	}
	return func(int) error { return openClose(name) }, nil
}

// openMany opens and closes one file in each of walkDirs directories in turn, more than any cache of the programs holds.
func openMany(dir string) (operation, error) {
	names := make([]*byte, walkDirs)
	for i := range names {
		var err error
		if names[i], err = unix.BytePtrFromString(walkFile(dir, i)); err != nil {
			return nil, err
		}
	}
	return func(i int) error { return openClose(names[i%walkDirs]) }, nil
}

// execute starts a program and waits for its end.
func execute(program string) (operation, error) {
	attr := &syscall.ProcAttr{}
	argv := []string{program}
	return func(int) error {
		pid, err := syscall.ForkExec(program, argv, attr)
		if err != nil {
			return fmt.Errorf("executing %s: %w", program, err)
		}
		var status unix.WaitStatus
		if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
			return fmt.Errorf("waiting for %s: %w", program, err)
		}
		if !status.Exited() || status.ExitStatus() != 0 {
			return fmt.Errorf("%s ended with %#x", program, uint32(status))
		}
		return nil
	}, nil
}

// connect makes a TCP connection and resets it, so that no port is left waiting.
func connect(address string) (operation, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	sa := &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	return func(int) error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return fmt.Errorf("socket option: %w", err)
		}
		if err := unix.Connect(fd, sa); err != nil {
			return fmt.Errorf("connecting to %s: %w", address, err)
		}
		return nil
	}, nil
}

// walkFile is the file in the i-th of the directories that openMany goes through.
func walkFile(dir string, i int) string { return dir + "/" + strconv.Itoa(i) + "/file.txt" }
