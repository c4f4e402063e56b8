// SPDX-License-Identifier: Apache-2.0

// Package actor is the confined process of the tests: a helper that makes system calls on request and says what the kernel
// answered. A test binary is its own actor: it runs itself again, and TestMain calls [Main] first. The requests come on
// standard input and the answers leave on standard output, both open before the actor is confined, so that a policy that
// denies everything cannot silence it. It trusts whoever holds its standard input; it is for tests only.
package actor
