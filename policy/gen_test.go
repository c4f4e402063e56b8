// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math/rand/v2"
	"net/netip"
)

// The generators stand in policytest, which tests inside of this package cannot import. These are what network tests need
// of the kind.

// chooser is where a generator takes its choices from.
type chooser interface{ IntN(n int) int }

// seeded is a deterministic source.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func pick[T any](c chooser, list []T) T { return list[c.IntN(len(list))] }

// genEnv knows one host.
var genEnv = Env{
	LookupHost: func(host string) []netip.Addr {
		if host == "h.example" {
			return []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1")}
		}
		return nil
	},
}
