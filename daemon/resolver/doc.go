// SPDX-License-Identifier: Apache-2.0

// Package resolver turns the kernel's events into audit records. Every event is decided a second time here, by running
// the image of that agent and generation over the same subject: that gives the rule's name, and proves that kernel and
// user space agree. A difference is a record of its own and a counter; it is always a bug.
//
// What is written is made fit to be kept: arguments are redacted, reads that only the baseline allowed are folded into one
// counting record per agent, run and minute, and holes in the kernel's numbering of its events become gap records with
// exact counts.
//
// Trust: events come from our own programs; the strings in them (paths, arguments, names of tasks) are the agent's. A
// [Resolver] is safe for concurrent use, but events must be handed to it in the order in which they were read.
package resolver
