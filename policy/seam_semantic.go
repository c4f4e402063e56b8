// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// now is the instant for which rules that come and go are looked at.
func (e Env) now() time.Time { return time.Now() }

// Deferred says, by the index of a rule, why the image somewhere answers DEFER for it.
func (m *Image) Deferred() map[int]string {
	out := map[int]string{}
	a := NewAutomaton(m.Runner)
	for n := 1; n <= a.Count(); n++ {
		if v := a.At(uint32(n)); v.Effect == Defer {
			out[v.Rule] = "a pattern that only user space can match"
		}
	}
	return out
}
