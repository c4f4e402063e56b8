// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxOutput = 4 << 10     // bytes of what a command says that are kept, for the log
	pipeTime  = time.Second // how long the output of a command that has ended is waited for
)

// environment is all that a command gets, with the event and the delivery.
var environment = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C.UTF-8",
}

// command runs a program for each notice. It is the daemon's child and no agent, so that nothing it does is ever held.
type command struct {
	name string
	argv []string
	log  *slog.Logger
}

func newCommand(h Hook, log *slog.Logger) *command { return &command{h.Name, h.Command, log} }

// deliver makes one attempt: exit status 0 means that the notice has arrived.
func (c *command) deliver(ctx context.Context, j *job) (r result) {
	if err := checkProgram(c.argv[0]); err != nil { // it may have changed since the daemon started
		return result{err: fmt.Errorf("command: %w", err)}
	}
	var out head
	onSpareThread(func() { r.err = c.run(ctx, j, &out) })
	if len(out.kept) > 0 {
		c.log.Info("output of a hook", "hook", c.name, "request", j.id, "event", j.event, "output", string(out.kept), "cut", out.cut)
	}
	return r
}

// run runs the program on the thread that it is called on.
func (c *command) run(ctx context.Context, j *job, out *head) error {
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Env = append(environment[:len(environment):len(environment)], "CAISSON_EVENT="+j.event, "CAISSON_DELIVERY="+j.delivery)
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(j.body)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = pipeTime
	// A session of its own is a process group of its own, and has no terminal. If the daemon is killed, so is the program.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}

	// What Go opens is closed on exec anyway; this is for what the daemon itself was given when it was started.
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("command: closing inherited files: %w", err)
	}
	if err := powerless(); err != nil {
		return fmt.Errorf("command: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("command: %w", err)
	}

	ended := make(chan error, 1)
	go func() { ended <- awaitEnd(cmd.Process.Pid) }()
	var err error
	late := false
	select {
	case err = <-ended:
	case <-ctx.Done():
		late = true
	}
	// The leader has not been waited for, so its number, and the group's, is still its own. Whatever it has left behind in
	// the group goes with it.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // cannot fail: there is a group, with a process of this user in it
	if late {
		err = <-ended
	}
	if err != nil {
		c.log.Warn("waiting for a hook", "hook", c.name, "error", err)
	}

	err = cmd.Wait()
	switch {
	case cmd.ProcessState.Success():
		return nil // whatever became of its output
	case late:
		return fmt.Errorf("command %s did not end in time and was killed", c.argv[0])
	}
	return fmt.Errorf("command %s: %w", c.argv[0], err)
}

// awaitEnd waits until a child has ended, and leaves it to be waited for.
func awaitEnd(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// head keeps the beginning of what is written to it, and takes the rest without keeping it: a program must not wait, or
// fail, because nobody reads what it says.
type head struct {
	kept []byte
	cut  bool
}

// Write keeps what there is room for.
func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), maxOutput-len(h.kept))
	h.kept = append(h.kept, p[:n]...)
	h.cut = h.cut || n < len(p)
	return len(p), nil
}
