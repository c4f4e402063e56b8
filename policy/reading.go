// SPDX-License-Identifier: Apache-2.0

package policy

// reading is what is known of a condition at a state: its value if the subject ends there, and the least and the greatest
// value it can have when at least one more name follows.
type reading struct{ accept, low, high truth }

// settled says whether the value is the same whatever follows.
func (r reading) settled() bool { return r.low == r.high }

// not is the reading of the negation.
func (r reading) not() reading { return reading{r.accept.not(), r.high.not(), r.low.not()} }

// and is the reading of a conjunction. It does not know how its operands depend on each other: what it calls open may be
// settled, never the other way round.
func (r reading) and(o reading) reading {
	return reading{min(r.accept, o.accept), min(r.low, o.low), min(r.high, o.high)}
}

// or is the reading of a disjunction.
func (r reading) or(o reading) reading {
	return reading{max(r.accept, o.accept), max(r.low, o.low), max(r.high, o.high)}
}
