// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"caisson/daemon/launch"
)

// Exit statuses of all commands.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2

	exitDeny     = 10 // evaluate
	exitApproval = 11

	exitDifferent = 10 // policy diff
	exitRefuted   = 10 // policy prove
	exitChanges   = 10 // policy replay

	exitTampered    = 1 // audit verify
	exitDamaged     = 2
	exitUnread      = 3
	exitVerifyUsage = 64 // because 2 is taken
)

// meaning is one line of a command's list of exit statuses. Success, 0, need not be listed.
type meaning struct {
	status int
	text   string
}

var (
	failed     = meaning{exitFailed, "the command could not do its work; standard error says why"}
	wrongUsage = meaning{exitUsage, "the command line is wrong; nothing was done"}

	evaluateExits = []meaning{
		{exitOK, "ALLOW"},
		{exitFailed, "no answer: a policy in the directory is not valid, or cannot be read"},
		wrongUsage,
		{exitDeny, "DENY"},
		{exitApproval, "REQUIRE_APPROVAL"},
	}
	checkExits = []meaning{
		{exitOK, "all are valid; with --strict, there is no warning either"},
		{exitFailed, "at least one is not, or could not be read; with --strict, there is a warning"},
		wrongUsage,
	}
	diffExits = []meaning{
		{exitOK, "the two allow, deny and ask for the same"},
		{exitFailed, "no answer: a policy is not valid, or cannot be read, or the comparison hit its bound without a difference"},
		wrongUsage,
		{exitDifferent, "they differ"},
	}
	proveExits = []meaning{
		{exitOK, "proven: it is never allowed"},
		{exitFailed, "it cannot be told, or the policy is not valid or cannot be read"},
		wrongUsage,
		{exitRefuted, "it is allowed: an example is shown"},
	}
	verifyExits = []meaning{
		{exitOK, "every record is there and unchanged, as far as a hash chain can tell"},
		{exitTampered, "records were changed, removed, added or destroyed"},
		{exitDamaged, "bytes that never were an acknowledged record, each explained by a crash or a write error"},
		{exitUnread, "the log could not be read: nothing is proven"},
		{exitVerifyUsage, "the command line is wrong; nothing was done"},
	}
	runExits = []meaning{
		{exitUsage, "the command line is wrong; nothing was started"},
		{launch.ExitRefused, "caisson failed: the daemon refused, or could not be asked"},
		{launch.ExitCannot, "the program was found and the kernel refused to execute it"},
		{launch.ExitNotFound, "there is no such program"},
	}
)

// exits is the list of exit statuses for the end of a help text.
func exits(list ...meaning) string {
	if list[0].status != exitOK {
		list = append([]meaning{{exitOK, "success"}}, list...)
	}
	return exitLines(list)
}

func exitLines(list []meaning) string {
	var b strings.Builder
	b.WriteString("\n\nExit status:\n")
	for _, m := range list {
		fmt.Fprintf(&b, "  %-3d  %s\n", m.status, m.text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// exitError ends the program with a status.
type exitError struct {
	status int
	err    error // nil: everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// silent ends the program with a status and no further word.
func silent(status int) error {
	if status == exitOK {
		return nil
	}
	return &exitError{status: status}
}

// usageError is a wrong command line.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
func (e *usageError) Hint() string  { return e.hint }

// usage makes a [usageError] with a hint that says what would be right.
func usage(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// seeHelp is the hint where nothing better is known.
func seeHelp(cmd *cobra.Command) string { return "see " + cmd.CommandPath() + " --help" }

// verifying marks the command whose statuses for failure and wrong usage are not the common ones.
const verifying = "verifying"

// exitStatus is the status for what a command returned.
func exitStatus(cmd *cobra.Command, err error) int {
	var with *exitError
	var wrong *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &with):
		return with.status
	case errors.As(err, &wrong) && cmd.Annotations[verifying] != "":
		return exitVerifyUsage
	case errors.As(err, &wrong):
		return exitUsage
	}
	return exitFailed
}

// outputStatus is the status when the output could not be written, so that nobody takes half of it for the whole.
func outputStatus(cmd *cobra.Command) int {
	if cmd.Annotations[verifying] != "" {
		return exitUnread
	}
	return exitFailed
}
