// SPDX-License-Identifier: Apache-2.0

package policy

import "testing"

// seedDir holds the three policies of the seed document, as it prints them.
const seedDir = "../testdata/policies"

// seedSet loads the seed's policies.
func seedSet(t testing.TB) *Set {
	t.Helper()
	set, err := LoadDir(seedDir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestSeedPoliciesParse(t *testing.T) {
	set := seedSet(t)
	want := map[string]int{"research-agent": 2, "coding-agent": 3, "deploy-agent": 2}
	if len(set.Policies) != len(want) {
		t.Fatalf("got %d policies, want %d", len(set.Policies), len(want))
	}
	for agent, rules := range want {
		if p := set.Policies[agent]; p == nil || len(p.Rules) != rules {
			t.Errorf("%s: got %+v, want %d rules", agent, p, rules)
		}
	}
}
