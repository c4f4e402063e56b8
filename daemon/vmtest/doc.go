// SPDX-License-Identifier: Apache-2.0

// Package vmtest proves caisson's promises on a real kernel: its tests start the real daemon in a virtual machine, confine
// real processes with the real command, make real system calls, and compare what the kernel answered with what the log
// says. They have the build tag vm and run as the program of cmd/vmrun; `make test-vm` runs them on every supported kernel.
// All tests share one daemon, because loading its programs takes an emulated machine seconds; when they are done, not one
// event may have been lost or decided differently in user space, and the log must verify.
package vmtest
