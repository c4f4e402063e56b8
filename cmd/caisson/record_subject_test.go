// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"caisson/audit"
)

// TestByPolicy: whose verdict a record has, by the word that its reason begins with.
func TestByPolicy(t *testing.T) {
	for _, tc := range []struct{ reasons, verdict, why string }{
		{"|no-rule|no-policy|resolved: by a pattern|refused: by an earlier daemon|unknown-name: none", "DENY", ""},
		{"resolved: by a pattern|", "ALLOW", ""},
		{"held: x|approved: by ada|granted: g1|denied: by ada|denied-before|timed-out: x|withdrawn: x|refused: x", "REQUIRE_APPROVAL", ""},
		{"cannot-wait: x|unattended: x|queue-full: x|no-log: x", "REQUIRE_APPROVAL", ""},
		{"cannot-wait: x|unattended: x|queue-full: x|no-log: x", "DENY", "the kernel's own decision: "},
		{"approved: by the answer to an earlier question", "ALLOW", "the kernel's own decision: "}, // it may have been an approval
		{"subtree: x|hard-floor: x|race|launch: x", "ALLOW", "the kernel's own decision: "},
		{"continued: x|descendant: x", "ALLOW", ""},
	} {
		for reason := range strings.SplitSeq(tc.reasons, "|") {
			r := audit.Record{Action: "file_read", Verdict: tc.verdict, Reason: reason, Path: "/x"}
			want := tc.why
			if want != "" {
				want += reasonWord(&r)
			}
			if _, why := recordSubject(&r); why != want {
				t.Errorf("%s because of %q: %q, want %q", tc.verdict, reason, why, want)
			}
		}
	}
}
