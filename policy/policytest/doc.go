// SPDX-License-Identifier: Apache-2.0

// Package policytest makes random policies and random subjects that nearly match them, for tests which compare two ways of
// deciding: the specification with the image, the image in Go with the image in the kernel. What it makes depends on the
// chooser alone, so a seed is a test case. Only tests import it; it needs no privilege and keeps nothing.
package policytest
