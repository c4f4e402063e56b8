// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// masks are the sets of patterns, as bit masks without the empty one, that some name may match exactly. It leaves out only
// what no name can: a set too many costs an edge, a set too few would be a hole.
func masks(patterns []pattern) []uint8 {
	if len(patterns) == 0 {
		return nil
	}
	// Row i: the patterns that no name matches together with i, and those that every name matches which matches i.
	var apart, along [layout.MaxPatterns]uint8
	for i := range patterns {
		for j := range patterns {
			if !patterns[i].compatible(&patterns[j]) {
				apart[i] |= 1 << j
			}
			if patterns[i].implies(&patterns[j]) {
				along[i] |= 1 << j
			}
		}
	}

	var out []uint8
	for m := 1; m < 1<<len(patterns); m++ {
		mask, feasible := uint8(m), true
		for i := range patterns {
			if mask&(1<<i) != 0 && (mask&apart[i] != 0 || along[i]&^mask != 0) {
				feasible = false
				break
			}
		}
		if feasible {
			out = append(out, mask)
		}
	}
	return out
}
