// SPDX-License-Identifier: Apache-2.0

// Package policy owns the policy language: it parses a policy file strictly, compiles it to the decision image that the
// kernel enforces, and runs that very image. It is pure: it reads files and nothing else, needs no privilege, and knows
// neither kernel nor daemon; what depends on a host (where a program is installed, where a path really lies, which
// addresses a name has) comes in through [Env].
//
// A subject is a sequence of names. A policy becomes a trie over names in which each node carries the verdict of the
// first rule that matches there ([Compile], [Image]). [Reference] is the specification: a plain loop over the rules, which
// shares no matching code with the compiler and exists so that the two can be compared.
//
// Trust boundary: policy files are written by the operator and refused as a whole at the first doubt. Subjects are chosen
// by the confined agent. Image bytes given to [OpenImage] may be hostile: they are checked completely before they run.
// Values are immutable once made and may be shared between goroutines.
package policy
