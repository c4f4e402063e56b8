// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"fmt"
	"time"
)

// lossTime is for how long a loss is shown as a problem: long enough for whoever looks because of it, and then it is over.
const lossTime = time.Hour

// problems says what an operator must know of a hook.
func (l *line) problems(name string, now time.Time) []string {
	var list []string
	if l.fault != nil {
		list = append(list, fmt.Sprintf("hook %q fails since %s: %v (notices that wait: %d)", name, clock(l.since), l.fault, len(l.jobs)))
	}
	if lost := l.counts.Failed + l.counts.Dropped; lost > 0 && now.Sub(l.lostAt) < lossTime {
		list = append(list, fmt.Sprintf("hook %q: %d notices were given up and %d dropped because %d were waiting, the last at %s; "+
			"nobody was told by it (caisson approvals lists what waits)", name, l.counts.Failed, l.counts.Dropped, l.limit, clock(l.lostAt)))
	}
	return list
}

// clock writes a time for people on this host.
func clock(t time.Time) string { return t.Local().Format("15:04:05") }
