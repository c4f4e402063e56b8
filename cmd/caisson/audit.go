// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"caisson/audit"
	"caisson/policy"
)

func newAudit(u *ui) *cobra.Command {
	return group("audit", "Verify and read the audit log", newVerify(u), newQuery(u), newTail(u))
}

// addAudit adds the flag for the directory of the log.
func addAudit(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "audit", defaultAudit, "`DIR` of the audit log")
	must(cmd.MarkFlagDirname("audit"))
}

// filterFlags select records.
type filterFlags struct {
	agent, effect, action, rule, run once
}

// add adds the flags to a command.
func (f *filterFlags) add(cmd *cobra.Command) {
	addAgent(cmd, &f.agent, "of the agent")
	addOnce(cmd, &f.effect, "effect", "EFFECT", "of the policy: ALLOW, DENY or REQUIRE_APPROVAL")
	addOnce(cmd, &f.action, "action", "ACTION", "attempted: file_read, file_write, shell_exec or network")
	addOnce(cmd, &f.rule, "rule", "NAME", "of the rule that decided")
	addOnce(cmd, &f.run, "run", "ID", "of the run")
	completeWords(cmd, "effect", effects...)
	completeWords(cmd, "action", actions()...)
}

var effects = []string{audit.VerdictAllow, audit.VerdictDeny, audit.VerdictRequireApproval}

// filter checks the flags: a word that no record can hold would otherwise look like a quiet log.
func (f *filterFlags) filter() (audit.Filter, error) {
	if f.agent.given {
		if err := checkAgent(f.agent.value); err != nil {
			return audit.Filter{}, err
		}
	}
	if f.effect.given {
		var e policy.Effect
		if err := e.UnmarshalText([]byte(f.effect.value)); err != nil || e == policy.Defer {
			return audit.Filter{}, usage("use ALLOW, DENY or REQUIRE_APPROVAL", "--effect: unknown effect %q", f.effect.value)
		}
	}
	if f.action.given {
		if _, err := policy.ParseAction(f.action.value); err != nil {
			return audit.Filter{}, usage("", "--action: %w", err)
		}
	}
	for _, empty := range []struct {
		flag string
		o    once
	}{{"--rule", f.rule}, {"--run", f.run}} {
		if empty.o.given && empty.o.value == "" {
			return audit.Filter{}, usage("leave the flag out to select all", "%s: the value is empty", empty.flag)
		}
	}
	return audit.Filter{Agent: f.agent.value, Effect: f.effect.value, Action: f.action.value, Rule: f.rule.value, Run: f.run.value}, nil
}
