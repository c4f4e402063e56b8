// SPDX-License-Identifier: Apache-2.0

// Package runs starts and ends runs of agents. A run begins when an operator's process asks to become an agent: it is
// moved into a scope of its own, the beginning is put into the audit log, and then, last, its main thread gets the
// identity, marked so that its next exec is the run's first program. A run ends when its scope has no process left.
//
// Whatever fails on the way is undone, and what cannot be undone is left with fewer rights, never with more: the process
// stays where it is confined. The scopes of runs outlive the daemon; [Runs.Adopt] takes them over.
package runs
