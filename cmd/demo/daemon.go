// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"caisson/daemon/api"
	"caisson/daemon/cgroup"
	"caisson/daemon/client"
)

// How long the daemon may take. It loads its programs in between, which takes seconds in an emulated machine.
const (
	startTime = 3 * time.Minute
	stopTime  = time.Minute
)

// daemon is the running caissond.
type daemon struct {
	cmd    *exec.Cmd
	stderr *lockedBuffer
	ended  chan error
	once   sync.Once
	err    error
}

// lockedBuffer collects what the daemon says while others look at it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// daemonArgs is the command line of the daemon; on a host, everything is somewhere else than usual.
func (w *world) daemonArgs() []string {
	args := []string{"--policies", w.policies, "--audit", w.audit, "--socket", w.socket, "--pins", w.pins}
	if w.secure != "" {
		args = append(args, "--secure-path", w.secure)
	}
	return args
}

// startDaemon starts caissond and waits until it answers; the end of the world stops it.
func (w *world) startDaemon(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(w.audit), 0o755); err != nil {
		return fmt.Errorf("making the directory of the log: %w", err)
	}

	d := &daemon{cmd: exec.Command(w.caissond, w.daemonArgs()...), stderr: &lockedBuffer{}, ended: make(chan error, 1)}
	d.cmd.Stderr = d.stderr
	// A Ctrl-C is for the demo, which then stops the daemon in good order.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		return fmt.Errorf("starting caissond: %w", err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	w.daemon = d
	w.later(func() error { return w.endEnforcement(d) })

	c := client.New(w.socket)
	answers := until(ctx, startTime, func() bool {
		if len(d.ended) > 0 {
			return true
		}
		_, err := c.Self(ctx)
		return err == nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(d.ended) > 0 {
		return fmt.Errorf("caissond ended at once: %s", strings.TrimSpace(d.stderr.String()))
	}
	if !answers {
		return fmt.Errorf("caissond does not answer on %s: %s", w.socket, strings.TrimSpace(d.stderr.String()))
	}
	return w.makeSlice(ghost)
}

// makeSlice makes the cgroup of an identity, as systemd would for a unit with Slice=caisson-NAME.slice.
func (w *world) makeSlice(agent string) error {
	dir := filepath.Join(w.cgroup, cgroup.SliceName, cgroup.AgentSlice(agent))
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return fmt.Errorf("making a slice: %w", err)
	}
	return nil
}

// stop ends the daemon in good order; enforcement goes on without it. It may be called more than once.
func (d *daemon) stop() error {
	d.once.Do(func() {
		if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			d.err = fmt.Errorf("stopping caissond: %w", err)
			return
		}
		select {
		case err := <-d.ended:
			if err != nil {
				d.err = fmt.Errorf("caissond: %w: %s", err, strings.TrimSpace(d.stderr.String()))
			}
		case <-time.After(stopTime):
			_ = d.cmd.Process.Kill() // the error below says what happened
			d.err = fmt.Errorf("caissond did not stop within %v", stopTime)
		}
	})
	return d.err
}

// endEnforcement ends what is left of the agents, stops the daemon and removes its programs from the kernel.
func (w *world) endEnforcement(d *daemon) error {
	err := errors.Join(w.killAgents(), d.stop())
	detach := exec.Command(w.caissond, "detach", "--audit", w.audit, "--pins", w.pins)
	if out, failed := detach.CombinedOutput(); failed != nil {
		err = errors.Join(err, fmt.Errorf("caissond detach: %w: %s", failed, strings.TrimSpace(string(out))))
	}
	return err
}

// killAgents ends every process in caisson's cgroups. There is none unless the demo was interrupted; but agents must not
// outlive what confines them.
func (w *world) killAgents() error {
	slice := filepath.Join(w.cgroup, cgroup.SliceName)
	err := os.WriteFile(slice+"/cgroup.kill", []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the daemon did not get as far as making it
	}
	if err != nil {
		return fmt.Errorf("ending agents: %w", err)
	}

	over := until(context.Background(), stopTime, func() bool {
		b, err := os.ReadFile(slice + "/cgroup.events")
		return err == nil && strings.Contains(string(b), "populated 0")
	})
	if !over {
		return fmt.Errorf("ending agents: there are still processes in %s", slice)
	}
	return nil
}

// status asks the daemon with the command that people use, until it has written down everything that the kernel reported.
func (w *world) status(ctx context.Context) (api.Status, error) {
	var s api.Status
	var failed error
	until(ctx, settleTime, func() bool {
		var out []byte
		out, failed = exec.CommandContext(ctx, w.caisson, "status", "--socket", w.socket, "--json").Output()
		if failed == nil {
			s = api.Status{}
			failed = json.Unmarshal(out, &s)
		}
		return failed != nil || s.Events.Received >= s.Events.Submitted
	})
	if failed != nil {
		return s, fmt.Errorf("caisson status: %w", failed)
	}
	return s, ctx.Err()
}

// verify runs the command that people use to verify the log and returns what it said.
func (w *world) verify(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, w.caisson, "audit", "verify", w.audit).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("caisson audit verify: %w: %s", err, text)
	}
	return text, nil
}
