// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"caisson/daemon/api"
)

// printAnswers says what became of each request. What was not answered is an error of the command.
func printAnswers(u *ui, in api.AnswerRequest, out api.Answers, now time.Time, asJSON bool) error {
	failures := unanswered(in, out)
	if asJSON {
		if err := u.json(out); err != nil {
			return err
		}
		if len(failures) > 0 {
			return silent(exitFailed)
		}
		return nil
	}

	t := u.table()
	for _, a := range out.Answers {
		if a.Error == "" {
			t.row(a.ID, became(in, a, now), a.Agent, a.Subject)
		}
	}
	t.flush()
	if len(out.Answers) == 0 && in.Agent != "" {
		u.note("nothing of %s waits for an answer of yours", in.Agent)
	}
	return errors.Join(failures...)
}

// became is what an answer did to a request, in words.
func became(in api.AnswerRequest, a api.Answered, now time.Time) string {
	if in.Answer == api.AnswerDeny {
		return "denied: " + plural(a.Calls, "call") + " refused"
	}
	if a.Missing > 0 {
		return "approved: needs " + plural(a.Missing, "more approval")
	}
	verb := " go on"
	if a.Calls == 1 {
		verb = " goes on"
	}
	text := "approved: " + plural(a.Calls, "call") + verb
	switch {
	case a.Grant != "" && in.For > 0:
		text += "; grant " + a.Grant + " until " + clock(now.Add(in.For), now)
	case a.Grant != "":
		text += "; grant " + a.Grant + " until the run ends"
	}
	return text
}

// unanswered are the errors of an answer, also for requests that the daemon has said nothing about.
func unanswered(in api.AnswerRequest, out api.Answers) []error {
	var list []error
	for _, a := range out.Answers {
		if a.Error != "" {
			list = append(list, refusal(a))
		}
	}
	for _, id := range in.IDs {
		if !slices.ContainsFunc(out.Answers, func(a api.Answered) bool { return a.ID == id }) {
			list = append(list, &hinted{fmt.Errorf("%s: the daemon did not say what became of it", id), "caisson approvals says whether it still waits"})
		}
	}
	return list
}

// refusal is why one request was not answered.
func refusal(a api.Answered) error {
	return &hinted{about(a.ID, errors.New(a.Error)), a.Hint}
}

// about is an error that begins with the id of what it is about, once.
func about(id string, err error) error {
	if strings.HasPrefix(err.Error(), id+":") {
		return err
	}
	return fmt.Errorf("%s: %w", id, err)
}
