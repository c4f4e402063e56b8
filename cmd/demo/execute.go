// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"caisson/daemon/cgroup"
)

// attemptTime is how long one process may take.
const attemptTime = 20 * time.Second

// command is what is really started for an attempt.
func (w *world) command(a *attempt) []string {
	switch a.via {
	case viaRun, viaRefuse:
		return append([]string{w.caisson, "run", "--socket", w.socket, "--agent", a.agent, "--"}, a.argv...)
	case viaSlice:
		// What systemd does for a unit: the process puts itself into its cgroup before it is what it shall be.
		return line("echo $$ > %s/cgroup.procs && %s", quoted(w.slice(a.agent)), a.argv[0])
	default:
		return a.argv
	}
}

// slice is the cgroup of an agent.
func (w *world) slice(agent string) string {
	return filepath.Join(w.cgroup, cgroup.SliceName, cgroup.AgentSlice(agent))
}

// quoted is a word of a shell. Names of cgroups hold no quotes: the daemon escapes them.
func quoted(s string) string { return "'" + s + "'" }

// execute lets the process try it and collects what can be seen of it.
func (w *world) execute(ctx context.Context, a *attempt) (*outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()

	argv := w.command(a)
	program := argv[0]
	if found, err := exec.LookPath(program); err == nil {
		program = found
	}

	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program)
	cmd.Args = argv
	cmd.Env = []string{"PATH=" + w.path, "HOME=/root", "LC_ALL=C"} // error messages in English
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second

	before := w.connections()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	answered := make(chan error, 1)
	go func() { answered <- w.operate(ctx, a) }()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("attempt %q: %w", a.tried, ctx.Err())
	}
	if err := <-answered; err != nil {
		return nil, fmt.Errorf("attempt %q: %w", a.tried, err)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("running %s: %w", argv[0], err)
	}
	return &outcome{
		pid: cmd.Process.Pid, exit: status(cmd.ProcessState.Sys().(syscall.WaitStatus)),
		stdout: stdout.String(), stderr: stderr.String(), accepted: w.connections() > before,
	}, nil
}

// status is an exit status as a shell shows it.
func status(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
