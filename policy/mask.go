// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// masks are the sets of patterns, as bit masks without the empty one, that some name may match exactly. It leaves out only
// what no name can: a set too many costs an edge, a set too few would be a hole.
func masks(patterns []element) []uint8 {
	if len(patterns) == 0 {
		return nil
	}
	var out []uint8
	for m := 1; m < 1<<len(patterns); m++ {
		if feasible(patterns, uint8(m)) {
			out = append(out, uint8(m))
		}
	}
	return out
}

// feasible says whether a name may match the patterns in the mask and none of the others.
func feasible(patterns []element, mask uint8) bool {
	for i := range patterns {
		if mask&(1<<i) == 0 {
			continue
		}
		for j := range patterns {
			in := mask&(1<<j) != 0
			if in && !compatible(&patterns[i], &patterns[j]) || !in && implies(&patterns[i], &patterns[j]) {
				return false
			}
		}
	}
	return true
}

// compatible says whether one name may match both patterns.
func compatible(a, b *element) bool {
	return (strings.HasPrefix(a.text, b.text) || strings.HasPrefix(b.text, a.text)) &&
		(strings.HasSuffix(a.suffix, b.suffix) || strings.HasSuffix(b.suffix, a.suffix))
}

// implies says whether every name that matches a matches b.
func implies(a, b *element) bool {
	return strings.HasPrefix(a.text, b.text) && strings.HasSuffix(a.suffix, b.suffix)
}
