// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"regexp"
	"slices"

	"caisson/policy"
)

// identity is the form of an agent's name. Keep in sync with agentForm in policy/parse.go.
var identity = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

const identityForm = `a-z, 0-9, ".", "_" and "-", at most 63, starting with a letter or digit`

// checkAgent refuses a name that no agent can have: it would be denied everything, and the typing error not be seen.
func checkAgent(name string) error {
	switch {
	case name == "":
		return usage("name one: --agent NAME", "no agent named")
	case !identity.MatchString(name):
		return usage("use "+identityForm, "%q is not the name of an agent", name)
	}
	return nil
}

// agentNames are the agents that the directory has valid policies for, sorted. What is wrong there is no matter here: the
// names are only suggestions.
func agentNames(dir string) []string {
	set, err := policy.LoadDir(dir)
	if err != nil && set == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(set.Policies))
}
