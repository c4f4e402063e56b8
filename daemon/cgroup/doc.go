// SPDX-License-Identifier: Apache-2.0

// Package cgroup keeps the tree of control groups that agents run in:
//
//	caisson.slice/caisson-<agent>.slice/run-<id>.scope
//
// Names are escaped the way systemd escapes unit names, so that an agent's slice is exactly one level below
// caisson.slice and a unit with Slice=caisson-<agent>.slice lands in the same place. The tree is made by hand; it uses no
// controllers, so nothing needs to be delegated. Scopes are removed when their last process has gone.
//
// A cgroup is not the identity of an agent, only its beginning: the kernel programs copy the identity to task storage at
// the first hook, and it stays there wherever the task moves. The kernel knows a cgroup by its id, which on a 64-bit
// kernel is the inode number of its directory.
package cgroup
