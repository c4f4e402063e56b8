// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"path"
	"slices"
	"strings"

	"caisson/policy"
	"caisson/policy/shell"
)

// subjectFlags says which flag is the subject of which actions. The first of an action is the one that hints name.
var subjectFlags = []struct {
	name    string
	of      func(*evaluation) *once
	actions []policy.Action
}{
	{"--path", func(e *evaluation) *once { return &e.path }, []policy.Action{policy.FileRead, policy.FileWrite}},
	{"--command", func(e *evaluation) *once { return &e.command }, []policy.Action{policy.ShellExec}},
	{"-- ARGV", func(e *evaluation) *once { return &e.argv }, []policy.Action{policy.ShellExec}},
	{"--url", func(e *evaluation) *once { return &e.url }, []policy.Action{policy.Network}},
	{"--address", func(e *evaluation) *once { return &e.address }, []policy.Action{policy.Network}},
	{"--socket", func(e *evaluation) *once { return &e.socket }, []policy.Action{policy.Network}},
}

// question is what the flags ask about: one subject, or the parts of a command.
type question struct {
	subject policy.Subject
	parts   []shell.Part
}

// asked reads the flags.
func (e *evaluation) asked(u *ui) (question, error) {
	action, flag, err := e.chosen()
	if err != nil {
		return question{}, err
	}
	if e.protocol.given && flag != "--address" {
		return question{}, usage("use it with --address", "--protocol says nothing about %s", flag)
	}
	if e.protocol.given && e.protocol.value != "tcp" && e.protocol.value != "udp" {
		return question{}, usage("use tcp or udp; --socket asks about Unix sockets", "--protocol: unknown protocol %q", e.protocol.value)
	}
	if e.directory != "" && !path.IsAbs(e.directory) {
		return question{}, usage("write the path from the root", "--directory: %q is not absolute", e.directory)
	}

	var q question
	switch flag {
	case "--command":
		q.parts, err = shell.Parse(e.command.value, e.directory)
		if err == nil && len(q.parts) == 0 {
			err = errors.New("there is no command in it")
		}
	case "-- ARGV":
		if len(e.words) == 0 {
			return q, usage("write it behind --", "no program given")
		}
		q.parts = shell.Argv(e.words, e.directory)
	case "--url":
		q.subject, err = policy.URLSubject(e.url.value)
	case "--address":
		q.subject, err = e.addressSubject()
	case "--socket":
		q.subject, err = policy.UnixSubject(e.socket.value)
	default:
		q.subject, err = pathSubject(u, action, e.path.value)
	}
	// That the error is about the subject, the flag says.
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	if err != nil {
		return q, usage("", "%s: %w", flag, err)
	}
	return q, nil
}

// addressSubject is an address, or a host that is decided by its name.
func (e *evaluation) addressSubject() (policy.Subject, error) {
	protocol := "tcp"
	if e.protocol.given {
		protocol = e.protocol.value
	}
	if strings.Contains(e.address.value, "://") {
		return policy.Subject{}, errors.New("this is a URL (use --url)")
	}
	return policy.ConnectSubject(protocol + "://" + e.address.value)
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

// chosen is the action and the flag with its subject, checked against each other.
func (e *evaluation) chosen() (policy.Action, string, error) {
	given := -1
	for i, s := range subjectFlags {
		if !s.of(e).given {
			continue
		}
		if given >= 0 {
			return 0, "", usage("give one subject", "%s and %s exclude each other", subjectFlags[given].name, s.name)
		}
		given = i
	}

	if !e.action.given {
		return e.implied(given)
	}
	action, err := policy.ParseAction(e.action.value)
	if err != nil {
		return 0, "", usage("", "--action: %w", err)
	}
	right := flagsOf(action)
	switch {
	case given < 0:
		return 0, "", usage("give "+right, "%s needs a subject", action)
	case !slices.Contains(subjectFlags[given].actions, action):
		return 0, "", usage(action.String()+" takes "+right, "%s is no subject of %s", subjectFlags[given].name, action)
	}
	return action, subjectFlags[given].name, nil
}

// implied is the action where only the subject is given.
func (e *evaluation) implied(given int) (policy.Action, string, error) {
	switch {
	case given < 0:
		return 0, "", usage("give --action with --path, or --command, --url, --address, --socket, or -- and a program", "no subject given")
	case len(subjectFlags[given].actions) > 1:
		return 0, "", usage("add --action file_read or --action file_write", "%s does not say what is done with it", subjectFlags[given].name)
	}
	return subjectFlags[given].actions[0], subjectFlags[given].name, nil
}

// flagsOf are the flags that are subjects of an action.
func flagsOf(a policy.Action) string {
	var names []string
	for _, s := range subjectFlags {
		if slices.Contains(s.actions, a) {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, " or ")
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
