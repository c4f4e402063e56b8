// SPDX-License-Identifier: Apache-2.0

// Package lint finds what is valid in a policy and probably not meant: rules that can never decide, patterns that cover more
// than they seem to, programs that will not get far, ways out of a policy. What can be said exactly is said from the
// compiled form: a rule is called covered only when no subject there is can reach it.
//
// Every finding has a code that keeps its meaning ([Codes], docs/lints.md). The package asks the host only whether paths
// exist and how scripts begin, through [Host]. It keeps nothing between calls.
package lint
