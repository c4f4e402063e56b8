// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// evaluation is the flags of evaluate.
type evaluation struct {
	policies, securePath string
	directory            string
	vars                 variables
	agent, action        once
	path, command, url   once
	address, socket      once
	protocol             once
	argv                 once // given: words behind "--"
	words                []string
	asJSON               bool
}

func newEvaluate(u *ui) *cobra.Command {
	var e evaluation
	cmd := &cobra.Command{
		Use:   "evaluate --agent NAME (--action ACTION --path PATH | --command STRING | --url URL | … | -- ARGV…)",
		Short: "Say what a policy allows",
		Long: `Say what an agent's policy says about one attempt. It needs neither the daemon nor root: it runs the very image that the
kernel would run, made from the files in the directory. The answer is one line: the effect and the rule that decided, or
DENY no-rule, or DENY no-policy.

--command is read as bash would read it. Each program that it would start and each file that its redirections would open is
decided on its own, as it will be in the kernel, and the strictest answer is the answer; where there are several, each is
listed. What sudo, env, xargs, find -exec, bash -c and their like start is decided, too. What cannot be known without running
it is DENY, with the reason. Words behind -- are a program and its arguments, with no shell in between.

Paths are taken as written (cleaned, but symlinks are not followed) and must be absolute; in a command, relative ones begin
in --directory. A program is looked up on this machine as the daemon would; where it is not installed, names are compared,
and the JSON says "resolved": false. --action may be left out except with --path.` + exits(evaluateExits...),
		Example: "  caisson evaluate --agent coding-agent --action file_write --path /project/src/main.go",
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at > 0 || at < 0 && len(args) > 0 {
				return usage("write -- before a program and its arguments", "unexpected argument %q", args[0])
			}
			e.argv.given, e.words = cmd.ArgsLenAtDash() == 0, args
			return nil
		},
		RunE:              func(*cobra.Command, []string) error { return e.run(u) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	e.flags(cmd)
	return cmd
}

// flags adds the flags.
func (e *evaluation) flags(cmd *cobra.Command) {
	addPolicies(cmd, &e.policies)
	addAgent(cmd, &e.agent, "of the agent")
	addOnce(cmd, &e.action, "action", "ACTION", "attempted: file_read, file_write, shell_exec or network")
	addOnce(cmd, &e.path, "path", "PATH", "of the file to read or write")
	addOnce(cmd, &e.command, "command", "STRING", "of shell")
	addOnce(cmd, &e.url, "url", "URL", "to connect to")
	addOnce(cmd, &e.address, "address", "HOST:PORT", "to connect to")
	addOnce(cmd, &e.protocol, "protocol", "NAME", "of --address: tcp (the default) or udp")
	addOnce(cmd, &e.socket, "socket", "PATH|@NAME", "of the Unix socket to connect to")
	cmd.Flags().StringVar(&e.directory, "directory", "", "`DIR` in which --command and ARGV run")
	addVariables(cmd, &e.vars)
	addSecurePath(cmd, &e.securePath)
	addJSON(cmd, &e.asJSON)
	completeWords(cmd, "action", actions()...)
	completeWords(cmd, "protocol", "tcp", "udp")
	must(cmd.MarkFlagDirname("directory"))
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
	asked, err := e.asked(u)
	if err != nil {
		return err
	}

	// A directory that is only half understood gives no answer: the other half may be what is asked for.
	set, err := policy.LoadDir(e.policies)
	if err != nil {
		return err
	}
	bound, err := e.vars.bind(set.Policies[e.agent.value])
	if err != nil {
		return err
	}
	judge, err := policy.NewJudge(bound, policy.HostEnv(dirs), e.agent.value)
	if err != nil {
		return err
	}
	if asked.parts != nil {
		return e.answerParts(u, judge, asked.parts)
	}
	return e.answer(u, evaluated{Answer: judge.Answer(asked.subject)})
}

// evaluated is the answer, as JSON.
type evaluated struct {
	policy.Answer
	Parts []evaluatedPart `json:"parts,omitempty"`
}

// answer prints the answer and turns it into an exit status.
func (e *evaluation) answer(u *ui, a evaluated) error {
	if a.Effect == policy.Defer {
		a.Effect = policy.Deny
		u.note("rule %s: %s", a.Rule, prose(a.Reason))
	}
	if a.Effect == policy.RequireApproval {
		u.note("%s (caisson approvals)", prose(a.Reason))
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
		u.printf("%s %s\n", a.Effect, prose(why))
		a.list(u)
	}
	return silent(effectStatus(a.Effect))
}

// effectStatus is the exit status that says an effect.
func effectStatus(e policy.Effect) int {
	switch e {
	case policy.Allow:
		return exitOK
	case policy.RequireApproval:
		return exitApproval
	}
	return exitDeny
}
