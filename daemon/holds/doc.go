// SPDX-License-Identifier: Apache-2.0

// Package holds answers the system calls that the kernel programs hold (bpf/hold.h): those that the policy settles once
// everything has been looked at, and those for which it wants somebody's approval (package approvals). It tells the kernel
// the answer, continues the task, and looks after it until the kernel says that the answer was used.
//
// Nothing is allowed by an accident. What is not known, not decided, over a limit, or too late, is denied or asked again by
// the kernel; a task is continued however its question ends, so none stays stopped for ever; and an answer is in the log
// before it is in the kernel.
//
// Trust: questions come from the kernel. What they are about, and what processes say of themselves, is chosen by agents.
package holds
