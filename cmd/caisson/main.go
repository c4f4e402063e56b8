// SPDX-License-Identifier: Apache-2.0

// Command caisson is what people and scripts use: it starts programs as agents, says what a policy allows, and reads the
// audit log. It has no privilege of its own. What needs privilege is asked of caissond over its control socket, and
// whether the caller may is decided there, by what the kernel says about the caller.
//
// Here is flags and text, nothing else: each command is one file, all output goes through one printer (ui.go), and all exit
// statuses stand in one table (exit.go).
//
// Trust: arguments are the caller's. Policies, log records and the daemon's answers hold bytes that agents chose, so the
// printer escapes whatever could move a terminal's cursor.
package main

import (
	"os"
	"runtime"

	"github.com/spf13/cobra"
)

// The main thread is the one that `caisson run` turns into the agent, and locking it is only possible before main.
func init() { runtime.LockOSThread() }

func main() {
	os.Exit(execute(newUI(os.Stdout, os.Stderr), os.Args[1:]))
}

// execute runs one command line and returns the exit status.
func execute(u *ui, args []string) int {
	root := newRoot(u)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	u.fail(err)

	status := exitStatus(cmd, err)
	if err := u.flush(); err != nil && status != exitUsage {
		u.fail(err)
		return outputStatus(cmd)
	}
	return status
}

// newRoot makes the tree of commands.
func newRoot(u *ui) *cobra.Command {
	root := group("caisson", "Give every AI agent on this host its own policy, enforced by the kernel",
		newRun(u), newEvaluate(u), newPolicy(u), newStatus(u), newDoctor(u), newReload(u), newAudit(u),
		newApprovals(u), newApprove(u), newDeny(u), newGrants(u), newWhy(u), newVersion(u))
	root.Long = root.Short + "." + exits(failed, wrongUsage)
	root.Example = "  caisson run --agent coding-agent -- npm test"
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetOut(u.out)
	root.SetErr(u.err)
	root.SetHelpCommand(newHelp())
	addCompletion(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(seeHelp(cmd), "%w", err) })
	return root
}
