// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guestName is the host name of the virtual machine.
const guestName = "vmrun"

// channelDevice is the guest's end of the channel that carries frames.
const channelDevice = "/dev/ttyS1"

// drainTime bounds how long PID 1 waits for the last output, after every
// process that could write some has been killed.
const drainTime = 5 * time.Second

// isInit reports whether this process is PID 1 of a guest. The name is asked
// for as well, because a container may run vmrun itself as its PID 1.
func isInit() bool { return os.Getpid() == 1 && os.Args[0] == "/init" }

// runInit is the life of PID 1; it never returns.
func runInit() {
	port, err := startGuest()
	if err != nil {
		fmt.Fprintf(os.Stderr, "vmrun init: %v\n", err)
		powerOff()
	}

	channel := &frameWriter{w: port}
	status, err := runTask(channel, port)
	if err != nil {
		err = channel.Write(frameFailed, []byte(err.Error()))
	} else {
		err = channel.Write(frameExit, []byte{status})
	}
	if err == nil {
		err = drain(port)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vmrun init: %v\n", err)
	}
	powerOff()
}

// startGuest mounts the file systems and opens the channel to the host.
func startGuest() (*os.File, error) {
	if err := mountAll(kernelSystem{}, mountTable); err != nil {
		return nil, err
	}
	return openRaw(channelDevice)
}

// runTask does what the host asked for and returns the program's status.
func runTask(channel *frameWriter, requests io.Reader) (byte, error) {
	job, err := readTask()
	if err != nil {
		return 0, err
	}
	if err := prepareGuest(job); err != nil {
		return 0, err
	}
	if err := channel.Write(frameReady, nil); err != nil {
		return 0, err
	}

	var relays sync.WaitGroup
	stdout, stderr, err := openStreams(channel, &relays, job.Merge)
	if err != nil {
		return 0, err
	}
	pid, err := startProgram(job, stdout, stderr)
	if err != nil {
		return 0, err
	}
	go answerRequests(requests, pid)
	stdout.Close()
	stderr.Close() // the same file when merged: the second close does nothing

	status, err := reapUntil(pid)
	if err != nil {
		return 0, err
	}
	// Nothing may outlive the program: a survivor would keep the streams open.
	_ = unix.Kill(-1, unix.SIGKILL)
	waitFor(&relays, drainTime)
	return status, nil
}

// readTask reads what the host packed, and removes it: it is no file that a
// Debian system has.
func readTask() (task, error) {
	var job task
	text, err := os.ReadFile(taskFile)
	if err == nil {
		err = json.Unmarshal(text, &job)
	}
	if err == nil {
		err = os.Remove(taskFile)
	}
	if err != nil {
		return task{}, fmt.Errorf("reading task: %w", err)
	}
	return job, nil
}

// answerRequests sends SIGQUIT to the program's process group whenever the
// host asks for its stacks.
func answerRequests(requests io.Reader, pid int) {
	request := make([]byte, 1)
	for {
		if _, err := io.ReadFull(requests, request); err != nil {
			return
		}
		if request[0] == traceRequest {
			_ = unix.Kill(-pid, unix.SIGQUIT)
		}
	}
}

// openStreams makes the pipes that the program writes to, and relays them.
func openStreams(channel *frameWriter, relays *sync.WaitGroup, merge bool) (stdout, stderr *os.File, err error) {
	stdout, err = relay(channel, relays, frameStdout)
	if err != nil || merge {
		return stdout, stdout, err
	}
	stderr, err = relay(channel, relays, frameStderr)
	return stdout, stderr, err
}

func relay(channel *frameWriter, relays *sync.WaitGroup, kind frameKind) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("creating output pipe: %w", err)
	}

	relays.Go(func() {
		defer r.Close()
		_, err := io.CopyBuffer(frameStream{channel, kind}, r, make([]byte, maxFrame))
		if err != nil {
			fmt.Fprintf(os.Stderr, "vmrun init: relaying output: %v\n", err)
		}
	})
	return w, nil
}

// frameStream turns writes into frames of one kind.
type frameStream struct {
	channel *frameWriter
	kind    frameKind
}

func (s frameStream) Write(p []byte) (int, error) {
	if err := s.channel.Write(s.kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// startProgram starts the program in a session of its own. It is not waited
// for through package os: PID 1 must reap every child, whoever started it.
func startProgram(job task, stdout, stderr *os.File) (int, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, fmt.Errorf("starting program: %w", err)
	}
	defer null.Close()

	pid, err := syscall.ForkExec(job.Args[0], job.Args, &syscall.ProcAttr{
		Dir:   job.Dir,
		Env:   job.Env,
		Files: []uintptr{null.Fd(), stdout.Fd(), stderr.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("starting program %s: %w", job.Args[0], err)
	}
	return pid, nil
}

// reapUntil waits for every child until the given one has ended, and returns
// that one's exit status the way a shell would show it.
func reapUntil(pid int) (byte, error) {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("waiting for program: %w", err)
		}
		if got == pid && ws.Signaled() {
			return byte(128 + ws.Signal()), nil
		}
		if got == pid && ws.Exited() {
			return byte(ws.ExitStatus()), nil
		}
	}
}

// waitFor waits for the relays, but not for ever.
func waitFor(relays *sync.WaitGroup, limit time.Duration) {
	done := make(chan struct{})
	go func() {
		relays.Wait()
		close(done)
	}()

	select {
	case <-done:
	case <-time.After(limit):
	}
}
