// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bytes"
	"errors"
	"fmt"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// SetConfig tells the programs which cgroup is caisson.slice and which socket is caisson's own.
func (k *Kernel) SetConfig(c layout.Config) error {
	if err := k.maps[bpf.CaissonMapConfig].Put(uint32(0), c); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

// Agents returns every identity that ever had a number, and the number.
func (k *Kernel) Agents() (map[string]uint32, error) {
	var name [layout.AgentNameBytes]byte
	var number uint32

	agents := map[string]uint32{}
	entries := k.maps[bpf.CaissonMapNames].Iterate()
	for entries.Next(&name, &number) {
		agents[string(bytes.TrimRight(name[:], "\x00"))] = number
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("identities: %w", err)
	}
	return agents, nil
}

// AgentID returns the number of an identity, giving it the next free one if it has none. Numbers are pinned: they are the
// same after a restart, because tasks carry them.
func (k *Kernel) AgentID(name string) (uint32, error) {
	if name == "" || len(name) >= layout.AgentNameBytes {
		return 0, fmt.Errorf("identity %q: its length is not 1 to %d bytes", name, layout.AgentNameBytes-1)
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	agents, err := k.Agents()
	if err != nil {
		return 0, err
	}
	if number, ok := agents[name]; ok {
		return number, nil
	}

	next := uint32(1)
	for _, number := range agents {
		next = max(next, number+1)
	}
	if next >= layout.MaxAgents {
		return 0, fmt.Errorf("identity %q: all %d numbers are taken (end all runs, then `caissond detach` forgets them)", name, layout.MaxAgents-1)
	}

	var key [layout.AgentNameBytes]byte
	copy(key[:], name)
	if err := k.maps[bpf.CaissonMapNames].Put(key, next); err != nil {
		return 0, fmt.Errorf("identity %q: %w", name, err)
	}
	return next, nil
}

// BindSlice says that tasks started below this cgroup, a child of caisson.slice, are that agent.
func (k *Kernel) BindSlice(cgroupID uint64, agent uint32) error {
	if err := k.maps[bpf.CaissonMapSlices].Put(cgroupID, agent); err != nil {
		return fmt.Errorf("slice %d: %w", cgroupID, err)
	}
	return nil
}

// Identify makes the main thread of a process an agent. Its other threads are not touched: they end when it execs, and
// what they start before is found by its cgroup.
func (k *Kernel) Identify(pid int, id layout.Identity) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(pidfd)

	if err := k.maps[bpf.CaissonMapTasks].Put(int32(pidfd), layout.AgentTask{Identity: id}); err != nil {
		return fmt.Errorf("identity of process %d: %w", pid, err)
	}
	return nil
}

// IdentityOf returns who the main thread of a process is; false if it is no agent, as far as its task storage knows.
func (k *Kernel) IdentityOf(pidfd int) (layout.Identity, bool, error) {
	var task layout.AgentTask
	err := k.maps[bpf.CaissonMapTasks].Lookup(int32(pidfd), &task)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return layout.Identity{}, false, nil
	}
	if err != nil {
		return layout.Identity{}, false, fmt.Errorf("identity of a process: %w", err)
	}
	return task.Identity, true, nil
}
