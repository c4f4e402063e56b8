// SPDX-License-Identifier: Apache-2.0

// Package client asks caissond over its control socket. It holds no state between calls and needs no privilege: what
// the caller may do is decided by the daemon from the kernel's word about the peer, never from what this package says.
// Launching is not here but in daemon/launch, because it must happen on the main thread.
package client
