// SPDX-License-Identifier: Apache-2.0

// Package suggest finds the smallest readable set of rules that would have allowed what was denied. Its care is stated, and
// tested:
//
//   - A rule names exact files, programs with their first words, addresses with their port. A directory is named only after
//     several different things directly in it were asked for, and never one that belongs to everybody ([Options.Siblings]).
//   - What looks like a secret ([Secret]) is never suggested, unless it is asked for, and then by its exact path. A rule about
//     a directory comes with one before it that keeps from it what looks like a secret.
//   - Nothing is suggested about an event that a rule of the policy denied: somebody meant that.
//   - Every suggestion is compiled with the policy, and every event that it claims to allow is decided by the result.
//
// What is found is text for review. Nothing here applies it.
package suggest
