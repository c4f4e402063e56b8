// SPDX-License-Identifier: Apache-2.0

package diff

import "caisson/policy"

// settings lists the properties of whole policies that differ.
func settings(before, after *policy.Policy) []Setting {
	var list []Setting
	for _, s := range []struct {
		name string
		of   func(*policy.Policy) string
	}{
		{"policy", func(*policy.Policy) string { return "there" }},
		{"mode", func(p *policy.Policy) string { return modeNames[p.Mode] }},
		{"baseline", func(p *policy.Policy) string { return baselineNames[p.Baseline] }},
	} {
		was, is := "none", "none"
		if before != nil {
			was = s.of(before)
		}
		if after != nil {
			is = s.of(after)
		}
		// Of a policy that has come or gone, only that is news, and what it enforces is in the changes.
		if was != is && (before != nil && after != nil || s.name == "policy") {
			list = append(list, Setting{s.name, was, is})
		}
	}
	return list
}

var (
	modeNames     = map[policy.Mode]string{policy.Enforce: "enforce", policy.Observe: "observe"}
	baselineNames = map[policy.BaselineKind]string{policy.BaselineRuntime: "runtime", policy.BaselineNone: "none"}
)
