// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// Window is a time of the week, in UTC, that returns every week.
type Window struct {
	Days  [7]bool       // by time.Weekday: on which days it begins
	From  time.Duration // since midnight UTC
	Until time.Duration // since midnight UTC; not after From: it ends on the next day
}
