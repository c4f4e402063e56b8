// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"time"

	"caisson/daemon/api"
)

// The scenes about approvals: for somebody who may answer, where nothing waits, and for an agent in its run.
func init() {
	scenes["approver"] = map[string]reply{
		api.PathApprovals: {http.StatusOK, api.Approvals{Version: 7, Requests: sampleRequests(time.Now())}},
		api.PathAnswers: {http.StatusOK, api.Answers{Answers: []api.Answered{
			{ID: "r3", Agent: "deploy-agent", Subject: "/usr/bin/npm run deploy", Calls: 2, Grant: "g1"},
			{ID: "r4", Agent: "deploy-agent", Subject: hostileName, Missing: 1},
		}}},
		api.PathGrants: {http.StatusOK, api.Grants{Grants: sampleGrants()}},
		api.PathRevoke: {http.StatusOK, sampleGrants()[0]},
	}
	scenes["late"] = map[string]reply{
		api.PathAnswers: {http.StatusOK, api.Answers{Answers: []api.Answered{
			{ID: "r3", Agent: "deploy-agent", Subject: "/usr/bin/npm run deploy", Calls: 1},
			{ID: "r9", Error: "r9: no such request waits", Hint: "caisson approvals lists those that do"},
			{ID: "r8", Error: "the rule wants a member of release"},
		}}},
		api.PathGrants: forRoot,
		api.PathRevoke: {http.StatusNotFound, &api.Error{Message: "no such grant", Hint: "caisson grants lists them"}},
	}
	scenes["quiet"] = map[string]reply{
		api.PathApprovals: {http.StatusOK, api.Approvals{Version: 1, Requests: []api.Approval{}}},
		api.PathAnswers:   {http.StatusOK, api.Answers{Answers: []api.Answered{}}},
		api.PathGrants:    {http.StatusOK, api.Grants{Grants: []api.Grant{}}},
		api.PathDenials:   {http.StatusOK, api.Denials{Agent: "coding-agent", Run: "aaaabbbbcccc"}},
	}
	scenes["denied"] = map[string]reply{
		api.PathApprovals: forOwner,
		api.PathAnswers:   forOwner,
		api.PathDenials:   {http.StatusOK, api.Denials{Agent: "coding-agent", Run: "aaaabbbbcccc", Denials: sampleDenials()}},
	}
	scenes["user"][api.PathDenials] = reply{http.StatusForbidden, &api.Error{Message: "refused: the caller is no agent"}}
	scenes["agent"][api.PathDenials] = reply{http.StatusInternalServerError, &api.Error{Message: "out of order"}}
	scenes["root"][api.PathDenials] = reply{http.StatusOK, api.Denials{}}
}

// hostileName is what an agent calls a file that is to look like something else on a terminal.
const hostileName = "/tmp/\x1b[2J\x1b[1;1Hr1  root\r\nx\u202egnp\\"

func sampleRequests(now time.Time) []api.Approval {
	return []api.Approval{
		{ID: "r3", Agent: "deploy-agent", Run: "aaaabbbbcccc", Generation: 7, Rule: "ask-deploy", Message: "is the release out?\x07",
			Action: "shell_exec", Op: "exec", Subject: "/usr/bin/npm run deploy", Since: now.Add(-65 * time.Minute), Deadline: now.Add(4*time.Hour + 30*time.Minute),
			Waiting: 2, Count: 3, Approvers: []string{"release", "ops"}, Quorum: 2, Approved: []api.Person{{UID: 1000, User: "anna", PID: 77, TTY: "pts/3"}},
			Processes: []api.Process{
				{PID: 44, Comm: "npm\x1b[2J", Exe: "/usr/bin/node", Command: "npm run \"x\" deploy"},
				{PID: 43, Comm: "bash  exe \"/bin/true\"", Exe: "/usr/bin/bash"},
				{PID: 42, Comm: "agent"},
			}},
		{ID: "r4", Agent: "deploy-agent", Generation: 7, Rule: "ask-tmp", Action: "file_read", Op: "open", Subject: hostileName,
			Since: now, Deadline: now.Add(-time.Second), Waiting: 1, Count: 1, Quorum: 1},
	}
}

func sampleGrants() []api.Grant {
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return []api.Grant{
		{ID: "g1", Agent: "deploy-agent", Run: "aaaabbbbcccc", Generation: 7, Rule: "ask-deploy", Subject: "/usr/bin/npm run deploy",
			By: []api.Person{{UID: 1000, User: "anna"}, {UID: 1001}}, Used: 3},
		{ID: "g2", Agent: "deploy-agent", Generation: 7, Rule: "ask-tmp", Until: &until, By: []api.Person{{User: "root"}}},
		{ID: "g3", Agent: "deploy-agent", Generation: 7, Rule: "ask-tmp", Until: &until, By: []api.Person{{User: "root"}}, Subject: hostileName},
	}
}

func sampleDenials() []api.Denial {
	at := func(minute int) time.Time { return time.Date(2026, 5, 1, 14, minute, 5, 0, time.UTC) }
	later := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	return []api.Denial{
		{Time: at(3), Action: "shell_exec", Op: "exec", Subject: "/usr/bin/npm run deploy", Rule: "ask-deploy", Reason: "denied",
			Text: "somebody has denied it", Message: "not today\x1b[2J", Retry: api.RetryLater, RetryAfter: &later},
		{Time: at(2), Action: "file_read", Op: "open", Subject: hostileName, Reason: "no-rule", Text: "no rule allows it", Retry: api.RetryNo},
		{Time: at(1), Action: "network", Op: "connect", Subject: "tcp 10.0.0.1:443", Rule: "ask-net", Reason: "queue-full", Retry: api.RetryNow},
	}
}
