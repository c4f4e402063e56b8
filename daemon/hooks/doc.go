// SPDX-License-Identifier: Apache-2.0

// Package hooks tells something outside that an agent waits for approval, and later how that ended, so that pagers and chats
// need no code in caisson. A hook is a command, or the address of a web server; docs/hooks.md is written for those who
// receive.
//
// Lifetime: hooks are read once, when the daemon starts. A [Sender] keeps what has not been delivered in memory only and in
// bounded queues, one per hook; nobody ever waits for it. What is lost is counted, logged and shown as a problem.
//
// Pure code decides (line: what is delivered when, and in which order; judge: what an answer means; backoff), and little is
// left to do: a command is started, or a request sent.
//
// Trust: the file with the hooks, programs and keys are the operator's, and nobody else may be able to change them.
// Receivers are not trusted: what they answer is bounded in size and time, and decides nothing but whether the same is sent
// again. A notice leaves the host, so the caller must have taken secrets out of it. What an agent chooses, above all the
// subject, is only ever a string of JSON on standard input or in a body: never a word of a command, a variable or a header.
package hooks
