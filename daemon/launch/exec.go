// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

// answerTime is how long the daemon may take to make a run: it creates a directory, updates two maps and
// compiles a policy.
const answerTime = 30 * time.Second

// Exec asks the daemon on the socket ("" means [api.DefaultSocket]) to make the calling process the first process of a
// new run, then executes argv with the environment in it. It returns only when that did not work, always
// with an *[Error] that carries the exit status; after ExitCannot the process may already be the agent and can do
// nothing sensible but exit.
//
// It must be called on the process's main thread: call runtime.LockOSThread in an init function of package main and
// Exec from the main goroutine.
func Exec(socket string, req api.RunRequest, argv, env []string) error {
	if socket == "" {
		socket = api.DefaultSocket
	}
	if unix.Gettid() != os.Getpid() {
		return &Error{ExitRefused, errors.New("launch outside the main thread (lock it in an init function of package main)")}
	}
	if len(argv) == 0 {
		return &Error{ExitNotFound, errors.New("no program named")}
	}

	program, err := find(argv[0], env)
	if err != nil {
		return err
	}
	if _, err := ask(socket, req); err != nil {
		return &Error{ExitRefused, err}
	}

	// From here on this thread is the agent: every open would be judged, so there is none before the exec. Only
	// standard input, output and error survive it. The call needs Linux 5.11; caisson needs 6.1.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return &Error{ExitCannot, fmt.Errorf("closing inherited files: %w", err)}
	}
	err = syscall.Exec(program, argv, env)
	return &Error{ExitCannot, fmt.Errorf("executing %s: %w", program, err)}
}

// ask sends the request and reads the answer on one plain connection, without the pool and the goroutines of an HTTP
// client: when the answer is there, nothing of this process is left half done.
func ask(socket string, req api.RunRequest) (api.Run, error) {
	var run api.Run

	conn, err := net.Dial("unix", socket)
	if err != nil {
		return run, client.Unreachable(socket, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return run, fmt.Errorf("deadline for the daemon: %w", err)
	}

	body, err := json.Marshal(req)
	if err != nil {
		return run, fmt.Errorf("request body: %w", err)
	}
	post, err := http.NewRequest(http.MethodPost, "http://caisson"+api.PathRuns, bytes.NewReader(body))
	if err != nil {
		return run, fmt.Errorf("request: %w", err)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Close = true

	if err := post.Write(conn); err != nil {
		return run, fmt.Errorf("asking the daemon: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), post)
	if err != nil {
		return run, fmt.Errorf("daemon's answer: %w", err)
	}
	defer resp.Body.Close()
	return run, client.Decode(resp, &run)
}
