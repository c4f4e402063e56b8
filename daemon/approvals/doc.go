// SPDX-License-Identifier: Apache-2.0

// Package approvals decides what becomes of system calls that the kernel holds until somebody answers: which of them wait
// together, who may answer, how long an answer is remembered, and when nobody has answered in time. It is pure: it is told
// what happens and what time it is, and says which held calls are to be answered and how. The daemon does the rest.
//
// Everything that is not an approval by somebody who may give one, for exactly that agent, policy generation, rule and
// subject, is a denial: an agent that asks too much, a deadline that has passed, a second opinion that did not come.
//
// Trust: its input comes from the daemon. Subjects and names of processes are chosen by agents and are only compared.
package approvals
