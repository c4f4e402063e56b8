// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"caisson/daemon"
	"caisson/policy"
)

// TestIdentityIsThePolicys compares the form of names here with what the policy language takes.
func TestIdentityIsThePolicys(t *testing.T) {
	for _, name := range []string{
		"a", "0", "coding-agent", "a.b_c-d", strings.Repeat("a", 63), strings.Repeat("a", 64), "-a", ".a", "_a", "A", "aB", "a b", "a/b", "ä", "a\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Parse("f", fmt.Appendf(nil, "agent: %q\nrules: []\n", name))
			if (err == nil) != (checkAgent(name) == nil) {
				t.Errorf("the policy language says %v, checkAgent %v", err, checkAgent(name))
			}
		})
	}
}

// TestDefaultsAreTheDaemons compares the places that are written down twice.
func TestDefaultsAreTheDaemons(t *testing.T) {
	if defaultPolicies != daemon.DefaultPolicies || defaultAudit != daemon.DefaultAudit {
		t.Errorf("got %s and %s, the daemon has %s and %s", defaultPolicies, defaultAudit, daemon.DefaultPolicies, daemon.DefaultAudit)
	}
}
