// SPDX-License-Identifier: Apache-2.0

// Package daemon is caissond: it loads and keeps the kernel programs that enforce, compiles the policies into the images
// they run, starts runs of agents, and writes down what the kernel reports.
//
// Lifetime: [Run] refuses to start where enforcement is not proven; once it has started, enforcement is pinned and does
// not depend on the process any more. Stopping or killing the daemon leaves the images in force; the next one adopts them,
// takes over the runs, and finds from the kernel's own counters which events nobody wrote down.
//
// What is in force for one agent changes only as a whole (one image, one generation) and never because of another agent.
// A policy that does not load never replaces one that did; a policy that is removed takes effect at once, as does a log
// that cannot be written: the agents concerned are denied everything.
//
// Trust: policies and flags are the operator's; everything that arrives in events and on the control socket is not.
package daemon
