// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// evaluation is the flags of evaluate.
type evaluation struct {
	policies, securePath string
	agent, action        once
	path, command, url   once
	asJSON               bool
}

func newEvaluate(u *ui) *cobra.Command {
	var e evaluation
	cmd := &cobra.Command{
		Use:   "evaluate --agent NAME (--action ACTION --path PATH | --command LINE | --url URL)",
		Short: "Say what a policy allows",
		Long: `Say what an agent's policy says about one attempt. It needs neither the daemon nor root: it runs the very image that the
kernel would run, made from the files in the directory. The answer is one line: the effect and the rule that decided, or
DENY no-rule, or DENY no-policy.

Paths are taken as written (cleaned, but symlinks are not followed) and must be absolute. The first word of a command is
looked up on this machine as the daemon would; where it is not installed, names are compared, and the JSON says
"resolved": false. --action may be left out with --command (shell_exec) and --url (network).` + exits(evaluateExits...),
		Example:           "  caisson evaluate --agent coding-agent --action file_write --path /project/src/main.go",
		Args:              noArgs,
		RunE:              func(*cobra.Command, []string) error { return e.run(u) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addPolicies(cmd, &e.policies)
	addAgent(cmd, &e.agent, "of the agent")
	addOnce(cmd, &e.action, "action", "ACTION", "attempted: file_read, file_write, shell_exec or network")
	addOnce(cmd, &e.path, "path", "PATH", "of the file to read or write")
	addOnce(cmd, &e.command, "command", "LINE", "of program and arguments, split at blanks, without a shell")
	addOnce(cmd, &e.url, "url", "URL", "to connect to")
	addSecurePath(cmd, &e.securePath)
	addJSON(cmd, &e.asJSON)
	completeWords(cmd, "action", actions()...)
	return cmd
}

// run answers.
func (e *evaluation) run(u *ui) error {
	if err := checkAgent(e.agent.value); err != nil {
		return err
	}
	dirs, err := securePath(e.securePath)
	if err != nil {
		return err
	}
	env := policy.HostEnv(dirs)
	subject, err := e.subject(u, env)
	if err != nil {
		return err
	}

	// A directory that is only half understood gives no answer: the other half may be what is asked for.
	set, err := policy.LoadDir(e.policies)
	if err != nil {
		return err
	}
	if p := set.Policies[e.agent.value]; p != nil {
		if _, err := policy.Compile(p, env); err != nil {
			return err
		}
	}
	return e.answer(u, policy.Evaluate(set, env, e.agent.value, subject))
}

// answer prints the answer and turns it into an exit status.
func (e *evaluation) answer(u *ui, a policy.Answer) error {
	if a.Effect == policy.Defer {
		// Whoever asks whether it would happen gets what this version does.
		a.Effect = policy.Deny
		u.note("rule %s: %s", a.Rule, prose(a.Reason))
	}
	if a.Effect == policy.RequireApproval {
		u.note("%s: it is enforced as a denial", prose(a.Reason))
	}
	if a.Resolved != nil && !*a.Resolved {
		u.note("the program is not on secure_path of this machine: names were compared")
	}

	if e.asJSON {
		if err := u.jsonLine(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	} else {
		why := a.Rule
		if why == "" {
			why = a.Reason
		}
		u.printf("%s %s\n", a.Effect, why)
	}

	switch a.Effect {
	case policy.Allow:
		return nil
	case policy.RequireApproval:
		return silent(exitApproval)
	}
	return silent(exitDeny)
}

// actions are the names of all actions.
func actions() []string {
	var names []string
	for _, s := range subjectFlags {
		for _, a := range s.actions {
			if !slices.Contains(names, a.String()) {
				names = append(names, a.String())
			}
		}
	}
	return names
}
