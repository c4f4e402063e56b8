// SPDX-License-Identifier: Apache-2.0

// Package mount knows where the host has its file systems mounted. It answers three questions: where is the root of a
// superblock (the kernel's walk ends there), which location does an operator's path mean (symlinks resolved, bind mounts
// rewritten to where the files really are), and at which node of an image does each superblock start.
//
// A [Table] is one reading of /proc/self/mountinfo and never changes; [Watch] tells when to make a new one. Between an
// unmount and the next reading the kernel may give the old device number to another superblock, which then stands where
// the old one stood. Only a privileged process of the host can cause that, and the next reading, some milliseconds later,
// ends it.
//
// Trust: mountinfo is the kernel's word about this process's own mount namespace, so the daemon must run in the host's.
package mount
