// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"caisson/bpf/layout"
	"caisson/daemon/holds"
)

// Kernel is the enforcing side: *kernel.Kernel of package daemon/kernel, which documents the methods. It is an interface
// so that tests need no kernel.
type Kernel interface {
	Adopted() bool
	SetConfig(layout.Config) error
	AgentID(name string) (uint32, error)
	Agents() (map[string]uint32, error)
	BindSlice(cgroupID uint64, agent uint32) error
	SetImage(slot uint32, image []byte, mounts map[uint32]layout.MountNodes) error
	Image(slot uint32) ([]byte, error)
	RemoveImage(slot uint32) error
	Generation(slot uint32) uint32
	Slots() []uint32
	SetMounts(generation uint32, mounts map[uint32]layout.MountNodes) error
	Identify(pid int, id layout.Identity) error
	IdentityOf(pidfd int) (layout.Identity, bool, error)
	Read() (e layout.Event, path, argv []byte, err error)
	Unread() int
	Counters() ([]layout.Counters, error)
	holds.Kernel
	Close() error
}
