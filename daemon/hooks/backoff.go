// SPDX-License-Identifier: Apache-2.0

package hooks

import "time"

// How long is waited between two attempts to deliver the same.
const (
	minWait = time.Second
	maxWait = 5 * time.Minute // a receiver that is back should not stay unused for longer
)

// backoff is how long to wait after a number of failed attempts: it doubles from one second to five minutes, and of each
// time a random half is taken away, so that many daemons do not come back at the same moment. A receiver that asked for
// more time gets it, within the same bound. Random is from 0 up to 1.
func backoff(failures int, asked time.Duration, random float64) time.Duration {
	most := maxWait
	if shift := max(failures-1, 0); shift < 9 { // 2⁹ s are more than five minutes
		most = min(minWait<<shift, maxWait)
	}
	wait := most/2 + time.Duration(random*float64(most/2))
	return max(minWait, wait, min(asked, maxWait))
}
