// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// traceRequest is the one byte that the host ever sends: PID 1 answers it by
// sending SIGQUIT to the program, and a Go program then prints its stacks.
const traceRequest = 'Q'

// result is how the guest ended.
type result struct {
	status int
	err    error
}

// link is the host's end of the channel to the guest.
type link struct {
	listener *net.UnixListener

	mu   sync.Mutex
	conn net.Conn // guarded by mu; nil until QEMU has connected
}

// listen creates the socket that QEMU connects the second serial port to.
func listen(socket string) (*link, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("creating channel: %w", err)
	}
	return &link{listener: listener}, nil
}

// Close makes a Serve that still waits for QEMU return. A connection that is
// there stays, for what the guest had sent must still be read.
func (l *link) Close() error { return l.listener.Close() }

// Serve copies the program's output until its status arrives.
func (l *link) Serve(stdout, stderr io.Writer) result {
	conn, err := l.listener.Accept()
	if err != nil {
		return result{err: fmt.Errorf("machine ended before it had started: %w", err)}
	}
	defer conn.Close()
	l.mu.Lock()
	l.conn = conn
	l.mu.Unlock()

	return serve(conn, stdout, stderr)
}

func serve(r io.Reader, stdout, stderr io.Writer) result {
	for {
		kind, payload, err := readFrame(r)
		if err != nil {
			return result{err: fmt.Errorf("machine ended without a status: %w", err)}
		}
		switch kind {
		case frameStdout:
			_, err = stdout.Write(payload)
		case frameStderr:
			_, err = stderr.Write(payload)
		case frameFailed:
			return result{err: fmt.Errorf("guest: %s", payload)}
		case frameExit:
			if len(payload) != 1 {
				return result{err: errors.New("guest: malformed status")}
			}
			return result{status: int(payload[0])}
		}
		if err != nil {
			return result{err: fmt.Errorf("writing output: %w", err)}
		}
	}
}

// AskForTrace asks a program that hangs for its stacks and gives it some time
// to print them. The answer, if any, comes out as ordinary output.
func (l *link) AskForTrace(served <-chan result, limit time.Duration) {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn == nil {
		return
	}

	if _, err := conn.Write([]byte{traceRequest}); err != nil {
		return // the machine is as good as gone
	}
	select {
	case <-served:
	case <-time.After(limit):
	}
}
