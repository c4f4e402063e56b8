// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
)

// answerFlags are the flags of approve and deny.
type answerFlags struct {
	answer  string // api.AnswerApprove or api.AnswerDeny
	socket  string
	agent   once
	reason  once
	all     bool
	json    bool
	once    bool
	forRun  bool
	pattern bool

	duration time.Duration
}

// add adds those that both have.
func (f *answerFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.all, "all", false, "answer all that wait of the --agent")
	addAgent(cmd, &f.agent, "of the agent whose requests --all answers")
	addOnce(cmd, &f.reason, "reason", "TEXT", "for the log and for the agent, which can read it; at most 500 bytes")
	addSocket(cmd, &f.socket)
	addJSON(cmd, &f.json)
}

// request checks the command line and makes the question to the daemon.
func (f *answerFlags) request(cmd *cobra.Command, ids []string) (api.AnswerRequest, error) {
	in := api.AnswerRequest{Answer: f.answer, IDs: ids, Agent: f.agent.value, Run: f.forRun, For: f.duration, Pattern: f.pattern,
		Text: f.reason.value}
	if err := f.which(ids); err != nil {
		return in, err
	}
	if err := f.scope(cmd); err != nil {
		return in, err
	}
	if n := len(in.Text); n > api.MaxText {
		return in, usage("shorten it", "--reason has %d bytes, more than %d", n, api.MaxText)
	}
	if !utf8.ValidString(in.Text) || strings.ContainsFunc(in.Text, unicode.IsControl) {
		return in, usage("write one line of UTF-8", "--reason is not a line of text")
	}
	return in, nil
}

// which checks what is to be answered: requests by id, or all of an agent.
func (f *answerFlags) which(ids []string) error {
	switch {
	case f.all && len(ids) > 0:
		return usage("leave out --all, or the ids", "--all and the id %q exclude each other", ids[0])
	case f.all && !f.agent.given:
		return usage("name one: --all --agent NAME", "--all needs --agent")
	case f.all:
		return checkAgent(f.agent.value)
	case f.agent.given:
		return usage("add --all to answer all that wait of the agent", "--agent needs --all")
	case len(ids) == 0:
		return usage("caisson approvals lists the ids", "no request named")
	}
	for i, id := range ids {
		if id == "" {
			return usage("caisson approvals lists the ids", "id %d is empty", i+1)
		}
	}
	return nil
}

// scope checks how far an approval is to go.
func (f *answerFlags) scope(cmd *cobra.Command) error {
	timed := cmd.Flags().Changed("for")
	var given []string
	for _, flag := range []struct {
		name  string
		given bool
	}{{"--once", f.once}, {"--run", f.forRun}, {"--for", timed}} {
		if flag.given {
			given = append(given, flag.name)
		}
	}
	switch {
	case len(given) > 1:
		return usage("use one of them", "%s exclude each other", strings.Join(given, " and "))
	case timed && (f.duration <= 0 || f.duration > api.MaxFor):
		return usage("use a time of more than 0 and at most 24h, as 15m", "--for %s is out of range", f.duration)
	case f.pattern && f.once:
		return usage("use --run or --for in place of --once", "--once and --pattern exclude each other")
	case f.pattern && !f.forRun && !timed:
		return usage("add --run, or --for 15m", "--pattern needs --run or --for")
	}
	return nil
}
