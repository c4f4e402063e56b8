// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Tree is caisson's part of a cgroup v2 hierarchy. Its methods are safe for concurrent use as long as no two of them work
// on the same run.
type Tree struct {
	root  string // mount point of the hierarchy
	mkdir func(string) error
}

// Run is the cgroup of one run.
type Run struct {
	Agent string
	ID    string // 12 lower-case base32 digits
	Dir   string
	Cg    uint64 // cgroup id
}

// Mount returns where the cgroup v2 hierarchy is mounted.
func Mount() (string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("finding cgroup v2: %w", err)
	}
	defer f.Close()

	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 3 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", errors.New("finding cgroup v2: not mounted (mount -t cgroup2 cgroup2 /sys/fs/cgroup)")
}

// Open makes caisson.slice below the mount point of a hierarchy, if it is not there, and returns the tree.
func Open(root string) (*Tree, error) {
	return open(root, func(dir string) error { return os.Mkdir(dir, 0o755) })
}

func open(root string, mkdir func(string) error) (*Tree, error) {
	t := &Tree{root: root, mkdir: mkdir}
	return t, t.ensure(t.Slice())
}

// Slice returns the directory of caisson.slice.
func (t *Tree) Slice() string { return filepath.Join(t.root, SliceName) }

// Level is the depth of caisson.slice below the root of the hierarchy.
func (t *Tree) Level() uint32 { return 1 }

// Agent makes an agent's slice, if it is not there, and returns its cgroup id.
func (t *Tree) Agent(agent string) (uint64, error) {
	dir := filepath.Join(t.Slice(), AgentSlice(agent))
	if err := t.ensure(dir); err != nil {
		return 0, err
	}
	return ID(dir)
}

// Agents returns the agents that have a slice, whether or not they have runs.
func (t *Tree) Agents() ([]string, error) {
	entries, err := os.ReadDir(t.Slice())
	if err != nil {
		return nil, fmt.Errorf("listing slices: %w", err)
	}

	var agents []string
	for _, e := range entries {
		if agent, ok := AgentOf(e.Name()); ok && e.IsDir() {
			agents = append(agents, agent)
		}
	}
	return agents, nil
}

// Owner returns the agent whose slice, or run, has a cgroup id; "" if none has. It reads the tree, so the cgroup must still
// be there.
func (t *Tree) Owner(id uint64) string {
	agents, err := t.Agents()
	if err != nil {
		return ""
	}
	for _, agent := range agents {
		slice := filepath.Join(t.Slice(), AgentSlice(agent))
		if own, err := ID(slice); err == nil && own == id {
			return agent
		}
		entries, err := os.ReadDir(slice)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if own, err := ID(filepath.Join(slice, e.Name())); err == nil && e.IsDir() && own == id {
				return agent
			}
		}
	}
	return ""
}

func (t *Tree) ensure(dir string) error {
	if err := t.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making cgroup: %w", err)
	}
	return nil
}

// ID returns the cgroup id of a directory.
func ID(dir string) (uint64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return 0, fmt.Errorf("cgroup id: %w", &fs.PathError{Op: "stat", Path: dir, Err: err})
	}
	return st.Ino, nil
}
