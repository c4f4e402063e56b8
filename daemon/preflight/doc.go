// SPDX-License-Identifier: Apache-2.0

// Package preflight looks at a host and says whether caisson can enforce on it, and what to do where it cannot. It
// only reads files below one root directory, so its checks are plain functions of that tree and run in tests without
// privilege. It claims nothing: a host that passes is still made to prove enforcement by a program that must deny
// (kernel.Probe), because a list of names is no proof.
package preflight
