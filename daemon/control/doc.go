// SPDX-License-Identifier: Apache-2.0

// Package control answers on the daemon's Unix socket: HTTP/1.1 with JSON bodies (package api).
//
// Trust boundary: everybody on the host may connect, agents included. Who asks is taken from the kernel, never from the
// request: uid and pid from SO_PEERCRED, the process itself held by a pidfd, its identity from the kernel's task storage
// and, for a process that has not met a hook yet, from its cgroup. Both are read again for every request, because a
// process can become an agent while its connection is open. One table says which endpoint is for whom; what cannot be
// determined is refused. Every refusal and every administrative action is an audit record.
//
// Bodies, headers, times and the number of connections are bounded; agents have a share of their own, so that they cannot
// keep an operator out.
package control
