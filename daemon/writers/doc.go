// SPDX-License-Identifier: Apache-2.0

// Package writers keeps agents from moving the ground of rules. A rule names a path, and the daemon finds out which
// location that path means by following symlinks. A symlink that an agent may put there, or may replace, would let that
// agent choose what the rule means. A [Set] knows, from the policies, what agents may change; with [Set.Env] policies are
// compiled so that such a symlink is never followed, and such a program is never found by its bare name.
//
// Nor are shells and interpreters trusted that an agent may change.
//
// A Set is one look at the host and the policies. It never changes and is made anew before policies are compiled; it must
// know all policies that are in force or about to be, because one agent's symlink can stand in another agent's rule.
//
// Trust: what it says about an agent is an upper bound. Denials in a policy, and the permissions of files, are not taken
// into account. Whoever is no agent, or is only observed and so refused nothing, may change what symlinks mean; that is for the operator.
package writers
