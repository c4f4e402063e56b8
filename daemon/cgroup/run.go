// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settleTime is how long a move may take to show in /proc. The kernel moves before the write returns, so that one look
// is enough; the rest is for a kernel that does otherwise.
const settleTime = 2 * time.Second

const procsFile = "cgroup.procs"

// NewRun makes a scope for a new run of an agent.
func (t *Tree) NewRun(agent string) (Run, error) {
	if _, err := t.Agent(agent); err != nil {
		return Run{}, err
	}

	r := Run{Agent: agent, ID: newRun()}
	r.Dir = filepath.Join(t.Slice(), AgentSlice(agent), scopePrefix+r.ID+scopeSuffix)
	// Not ensure: a scope that is there belongs to another run.
	if err := t.mkdir(r.Dir); err != nil {
		return Run{}, fmt.Errorf("making scope: %w", err)
	}

	cg, err := ID(r.Dir)
	if err != nil {
		return Run{}, errors.Join(err, os.Remove(r.Dir))
	}
	r.Cg = cg
	return r, nil
}

// Runs returns the scopes that are there: after a restart of the daemon, the runs that outlived it.
func (t *Tree) Runs() ([]Run, error) {
	agents, err := t.Agents()
	if err != nil {
		return nil, err
	}

	var runs []Run
	for _, agent := range agents {
		slice := filepath.Join(t.Slice(), AgentSlice(agent))
		entries, err := os.ReadDir(slice)
		if err != nil {
			return nil, fmt.Errorf("listing runs: %w", err)
		}
		for _, e := range entries {
			id, ok := runOf(e.Name())
			if !ok || !e.IsDir() {
				continue
			}

			r := Run{Agent: agent, ID: id, Dir: filepath.Join(slice, e.Name())}
			r.Cg, err = ID(r.Dir)
			if errors.Is(err, fs.ErrNotExist) {
				continue // it ended while we looked
			}
			if err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// Populated says whether a run, or a cgroup made below it, still has processes. A run whose scope has gone has none.
func (t *Tree) Populated(r Run) (bool, error) {
	on, err := populated(r.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("run %s: %w", r.ID, err)
	}
	return on, nil
}

// Processes lists the processes of a run, and of cgroups made below it. A run whose scope has gone has none.
func (t *Tree) Processes(r Run) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(r.Dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Name() == procsFile {
			var here []int
			here, err = processes(path)
			pids = append(pids, here...)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("processes of run %s: %w", r.ID, err)
	}
	return pids, nil
}

// processes reads a cgroup.procs file.
func processes(file string) ([]int, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, unix.ENODEV) {
		return nil, nil // the cgroup has gone since the file was opened (kernfs)
	}
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		// A process that cannot be seen from here is shown as 0.
		if pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Occupied says whether any process is in caisson.slice or below it, in a run or not.
func (t *Tree) Occupied() (bool, error) {
	on, err := populated(t.Slice())
	if err != nil {
		return false, fmt.Errorf("processes in %s: %w", SliceName, err)
	}
	return on, nil
}

// populated reads what the kernel says of a cgroup and all cgroups below it.
func populated(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, "cgroup.events"))
	if err != nil {
		return false, err
	}
	defer f.Close()

	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "populated "); ok {
			return value != "0", nil
		}
	}
	return false, errors.New("cgroup.events does not say whether it is populated")
}

// Remove removes the scope of a run that has ended, and whatever cgroups were made below it. It does nothing when the
// scope is gone and fails when it still has processes.
func (t *Tree) Remove(r Run) error {
	var dirs []string
	err := filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("removing run %s: %w", r.ID, err)
	}

	for i := len(dirs) - 1; i >= 0; i-- {
		// rmdir and nothing else: the files of a cgroup go with their directory, and unlink would be refused.
		if err := unix.Rmdir(dirs[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing run %s: %w", r.ID, err)
		}
	}
	return nil
}

// Enter moves a process, with all its threads, into the run and returns when it is there. The directory it came from is
// for [Tree.Return].
func (t *Tree) Enter(r Run, pid int) (from string, err error) {
	if from, err = t.of(pid); err != nil {
		return "", err
	}
	if err := attach(r.Dir, pid); err != nil {
		return "", err
	}

	for end := time.Now().Add(settleTime); ; time.Sleep(time.Millisecond) {
		at, err := t.of(pid)
		if err != nil {
			return from, err
		}
		if at == r.Dir {
			return from, nil
		}
		if time.Now().After(end) {
			return from, fmt.Errorf("moving process %d: it is in %s, not in %s", pid, at, r.Dir)
		}
	}
}

// Return moves a process back to where [Tree.Enter] found it.
func (t *Tree) Return(from string, pid int) error { return attach(from, pid) }

// Inside says whether a process is below caisson.slice, whoever put it there.
func (t *Tree) Inside(pid int) (bool, error) {
	dir, err := t.of(pid)
	if err != nil {
		return false, err
	}
	return dir == t.Slice() || strings.HasPrefix(dir, t.Slice()+"/"), nil
}

// of returns the cgroup directory of a process.
func (t *Tree) of(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", fmt.Errorf("cgroup of process %d: %w", pid, err)
	}
	return t.parse(string(b), pid)
}

// parse takes the path of the v2 hierarchy, number 0, from /proc/PID/cgroup.
func (t *Tree) parse(text string, pid int) (string, error) {
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return filepath.Join(t.root, path), nil
		}
	}
	return "", fmt.Errorf("cgroup of process %d: not in a v2 hierarchy", pid)
}

// attach writes to cgroup.procs. It never creates the file: a cgroup that has gone must be an error.
func attach(dir string, pid int) error {
	f, err := os.OpenFile(filepath.Join(dir, procsFile), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("moving process %d: %w", pid, err)
	}
	_, err = f.WriteString(strconv.Itoa(pid))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("moving process %d: %w", pid, err)
	}
	return nil
}
