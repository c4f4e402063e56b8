// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/client"
)

var answerExits = []meaning{
	{exitOK, "every request was answered"},
	{exitFailed, "at least one was not, or the daemon could not be asked"},
	wrongUsage,
}

func newApprove(u *ui) *cobra.Command {
	f := &answerFlags{answer: api.AnswerApprove}
	cmd := &cobra.Command{
		Use: "approve {ID… | --all --agent NAME}", Short: "Let requests go on",
		Long: `Let requests go on that wait for an answer. Without --run and --for it is an approval of the calls that wait now, and of no
other. With one of them it is remembered as a grant and answers later calls about the same subject, too; with --pattern also
those about any other subject that the rule matches. caisson grants lists what is remembered.

Where a rule wants several users to approve, the calls go on with the last of them; its --run or --for is the one that counts.` +
			exits(answerExits...),
		Example: `  caisson approve r3-bfpd --for 15m --reason 'release 1.4'
  caisson approve --all --agent deploy-agent`,
		RunE:              f.run(u),
		ValidArgsFunction: completeRequests,
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.once, "once", false, "approve the calls that wait now, and no other (the default)")
	cmd.Flags().BoolVar(&f.forRun, "run", false, "approve for as long as the run lives")
	cmd.Flags().DurationVar(&f.duration, "for", 0, "approve in every run of the agent for `TIME`, as 15m or 2h; at most 24h")
	cmd.Flags().BoolVar(&f.pattern, "pattern", false, "approve whatever the rule matches, not only this subject; with --run or --for")
	return cmd
}

func newDeny(u *ui) *cobra.Command {
	f := &answerFlags{answer: api.AnswerDeny}
	cmd := &cobra.Command{
		Use: "deny {ID… | --all --agent NAME}", Short: "Refuse requests",
		Long: `Refuse requests that wait for an answer. The calls fail with EACCES. The denial is remembered for a while: the run cannot ask
for the same again at once.` + exits(answerExits...),
		Example:           "  caisson deny r3-bfpd --reason 'not before the tests pass'",
		RunE:              f.run(u),
		ValidArgsFunction: completeRequests,
	}
	f.add(cmd)
	return cmd
}

// run is the command of both.
func (f *answerFlags) run(u *ui) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, ids []string) error {
		in, err := f.request(cmd, ids)
		if err != nil {
			return err
		}
		now := time.Now()
		out, err := client.New(f.socket).Answer(cmd.Context(), in)
		if err != nil {
			return err
		}
		return printAnswers(u, in, out, now, f.json)
	}
}
