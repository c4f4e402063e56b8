// SPDX-License-Identifier: Apache-2.0

package bpf

import "crypto/sha256"

// Digest identifies the compiled programs: two daemons with the same digest would load the same bytes, so the second can
// adopt what the first has pinned.
func Digest() [sha256.Size]byte { return sha256.Sum256(_CaissonBytes) }
