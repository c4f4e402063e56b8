// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// task is one measurement: an operation, its argument and how often a batch repeats it.
type task struct {
	what  string
	arg   string
	count int
}

// tasks are the operations that are measured, in a world with a listener.
func tasks(listener string) map[string]task {
	return map[string]task{
		"open":    {"open", openPath, 20_000},
		"walk":    {"walk", walkTop, 5 * walkDirs},
		"exec":    {"exec", execProgram, 100},
		"connect": {"connect", listener, 1000},
	}
}

// subject is who is measured, and at what.
type subject struct {
	who      string
	agent    string // "": no agent
	landlock string
	reading  bool // the daemon goes on reading
	what     []string
}

// Before the programs are loaded, while they are, and afterwards.
var (
	subjectsBefore = []subject{
		{who: whoBare, what: []string{"open", "walk", "exec", "connect"}},
		{who: whoLandlock, landlock: openTop, what: []string{"open", "walk"}},
	}
	subjectsFloor = []subject{
		{who: whoFloor, what: []string{"open"}},
	}
	subjectsLoaded = []subject{
		{who: whoOutsider, what: []string{"open", "walk", "exec", "connect"}},
		{who: whoFew, agent: agentFew, what: []string{"open", "walk", "exec", "connect"}},
		{who: whoGlobs, agent: agentGlobs, what: []string{"open", "walk"}},
		{who: whoMany, agent: agentMany, what: []string{"open", "walk", "exec", "connect"}},
		{who: whoWatched, agent: agentFew, reading: true, what: []string{"open", "walk", "exec", "connect"}},
	}
	subjectsAfter = []subject{
		{who: whoAgain, what: []string{"open"}},
	}
)

// measure makes a report; quick leaves out what no target is about.
func measure(ctx context.Context, quick bool) (report, error) {
	r := report{}
	w, err := newWorld()
	if err != nil {
		return r, err
	}
	defer w.close()
	if r.Kernel, err = release(); err != nil {
		return r, err
	}

	stages := []struct {
		enter    func(context.Context) error
		subjects []subject
	}{
		{func(context.Context) error { return nil }, subjectsBefore},
		{w.attachFloor, subjectsFloor},
		{w.startDaemon, subjectsLoaded},
		{w.stopDaemon, subjectsAfter},
	}
	for _, stage := range stages {
		if err := stage.enter(ctx); err != nil {
			return r, err
		}
		for _, s := range stage.subjects {
			if err := w.measureSubject(ctx, &r, s, quick); err != nil {
				return r, fmt.Errorf("%s: %w", s.who, err)
			}
		}
	}
	return r, nil
}

func (w *world) measureSubject(ctx context.Context, r *report, s subject, quick bool) error {
	for _, what := range s.what {
		if quick && !isTarget(s.who, what) {
			continue
		}
		t := tasks(w.listener.Addr().String())[what]
		if quick && what == "open" { // it repeats to the instruction; the others need their numbers
			t.count /= 4
		}
		costs, err := w.runWorker(ctx, s, t)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		// What disturbs a batch, a timer or another process's work, only ever adds to it.
		r.Costs = append(r.Costs, cost{Who: s.who, What: what, Instructions: slices.Min(costs)})
		fmt.Fprintf(os.Stderr, "%-18s %-8s %.0f\n", s.who, what, costs)
	}
	return nil
}

// runWorker has a worker of its own measure one thing. While it does, the daemon is stopped unless the subject says
// otherwise: it would run on the same processor, and its wake-ups would be counted as the worker's.
func (w *world) runWorker(ctx context.Context, s subject, t task) (costs []float64, err error) {
	argv := []string{"/proc/self/exe", workerWord, "-count", strconv.Itoa(t.count)}
	if s.landlock != "" {
		argv = append(argv, "-landlock", s.landlock)
	}
	argv = append(argv, t.what, t.arg)
	if s.agent != "" {
		argv[0] = w.self
		argv = append([]string{w.caisson, "run", "--agent", s.agent, "--"}, argv...)
	}

	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cmd.Wait()) }()
	defer in.Close()

	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		return nil, fmt.Errorf("the worker said %q: %w", line, err)
	}
	if w.daemon != nil && !s.reading {
		if err := w.pauseDaemon(); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, w.daemon.Process.Signal(syscall.SIGCONT)) }()
	}
	if _, err := io.WriteString(in, "go\n"); err != nil {
		return nil, err
	}
	return costs, json.NewDecoder(lines).Decode(&costs)
}

// release is the kernel's own name, without the flavour.
func release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("kernel release: %w", err)
	}
	name, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-cloud")
	return name, nil
}
