// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"path"
	"slices"
	"strings"

	"caisson/policy"
)

// subjectFlags says which flag is the subject of which actions.
var subjectFlags = []struct {
	name    string
	of      func(*evaluation) *once
	actions []policy.Action
}{
	{"--path", func(e *evaluation) *once { return &e.path }, []policy.Action{policy.FileRead, policy.FileWrite}},
	{"--command", func(e *evaluation) *once { return &e.command }, []policy.Action{policy.ShellExec}},
	{"--url", func(e *evaluation) *once { return &e.url }, []policy.Action{policy.Network}},
}

// subject is what the flags ask about.
func (e *evaluation) subject(u *ui, env policy.Env) (policy.Subject, error) {
	action, err := e.chosen()
	if err != nil {
		return policy.Subject{}, err
	}

	var s policy.Subject
	switch action {
	case policy.ShellExec:
		s, _, err = policy.CommandSubject(env, e.command.value)
	case policy.Network:
		s, err = policy.URLSubject(e.url.value)
	default:
		s, err = pathSubject(u, action, e.path.value)
	}
	// That the error is about the subject, the flag says.
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	if err != nil {
		return s, usage("", "%s: %w", flagOf(action), err)
	}
	return s, nil
}

// pathSubject cleans a path lexically.
func pathSubject(u *ui, a policy.Action, p string) (policy.Subject, error) {
	if !strings.HasPrefix(p, "/") {
		return policy.PathSubject(a, p) // which says what is wrong
	}
	cleaned := path.Clean(p)
	if slices.Contains(strings.Split(p, "/"), "..") {
		u.note("%s is judged as %s: where \"..\" leads in the file system depends on symlinks", p, cleaned)
	}
	return policy.PathSubject(a, cleaned)
}

// chosen is the action, checked against the one subject that must be given.
func (e *evaluation) chosen() (policy.Action, error) {
	given := -1
	for i, s := range subjectFlags {
		if !s.of(e).given {
			continue
		}
		if given >= 0 {
			return 0, usage("give one subject", "%s and %s exclude each other", subjectFlags[given].name, s.name)
		}
		given = i
	}

	if !e.action.given {
		return e.implied(given)
	}
	action, err := policy.ParseAction(e.action.value)
	if err != nil {
		return 0, usage("", "--action: %w", err)
	}
	right := flagOf(action)
	switch {
	case given < 0:
		return 0, usage("give "+right, "%s needs a subject", action)
	case !slices.Contains(subjectFlags[given].actions, action):
		return 0, usage(action.String()+" takes "+right, "%s is no subject of %s", subjectFlags[given].name, action)
	}
	return action, nil
}

// implied is the action where only the subject is given.
func (e *evaluation) implied(given int) (policy.Action, error) {
	switch {
	case given < 0:
		return 0, usage("give --action with --path, or --command, or --url", "no subject given")
	case len(subjectFlags[given].actions) > 1:
		return 0, usage("add --action file_read or --action file_write", "%s does not say what is done with it", subjectFlags[given].name)
	}
	return subjectFlags[given].actions[0], nil
}

// flagOf is the flag that is the subject of an action.
func flagOf(a policy.Action) string {
	for _, s := range subjectFlags {
		if slices.Contains(s.actions, a) {
			return s.name
		}
	}
	return ""
}
