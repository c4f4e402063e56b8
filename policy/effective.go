// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// shellRule is the name of the rules that let an agent start a shell.
const shellRule = "baseline:shell"

// effectiveRules are all rules that are tried in an environment: the policy's and the baseline's, and, when some rule lets
// the agent start anything at all, one for each shell. A shell grants nothing: what it starts is decided on its own.
func effectiveRules(p *Policy, env Env) []Rule {
	rules := p.AllRules()
	starts := slices.ContainsFunc(rules, func(r Rule) bool {
		return r.Action == ShellExec && (r.Effect == Allow || r.Effect == RequireApproval) && r.Active(env.now())
	})
	if !starts {
		return rules
	}
	for _, path := range env.Shells {
		// A path that no command can name is no shell that a rule could mean.
		if strings.HasPrefix(path, "/") && checkCommand(opStartsWith, path) == nil && !strings.ContainsAny(path, " \t") {
			rules = append(rules, Rule{Name: shellRule, Action: ShellExec, Effect: Allow, Baseline: true,
				When: when(Condition{Field: "command", Op: opStartsWith, Value: path})})
		}
	}
	return rules
}
