// SPDX-License-Identifier: Apache-2.0

// Package shell reads a string as a shell would and says, without running anything, what a kernel would be asked while it
// ran: which programs would be started with which words, and which files redirections would open. [Decide] then puts each
// of these to a policy on its own, and the strictest answer is the answer, because one refused program is enough.
//
// What cannot be known without running the string is never guessed: it is a part of kind [Unknown], and that is a denial
// with a reason. The grammar is that of mvdan.cc/sh; a string that it does not take is an error.
//
// Nothing here enforces anything, and the daemon must not link it: a parser of shell has no place next to privilege
// (cmd/guard holds that).
package shell
