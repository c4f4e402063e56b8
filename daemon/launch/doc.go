// SPDX-License-Identifier: Apache-2.0

// Package launch is the caller's side of `caisson run`: it turns the calling process itself into an agent and then
// execs the agent's program in its place, so that terminal, environment, exit status and signals are simply that
// process's own. There is no parent that stays, and the daemon forks nothing: a task that the kernel may hold must not
// be waited for by a vfork in a Go program.
//
// Trust: the package has no privilege. The daemon moves the process that asks, as the kernel names it, and gives the
// identity to its main thread; a caller that lies or runs this on another thread can only lose rights.
//
// Signals: exec resets handlers. A SIGHUP or SIGINT that the parent ignores stays ignored; the Go runtime has replaced
// every other disposition before main runs, so those start at their defaults. The signal mask is the parent's.
package launch
