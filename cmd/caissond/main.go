// SPDX-License-Identifier: Apache-2.0

// Command caissond is the privileged daemon of caisson. It only reads flags and prints errors; package daemon does the
// work. It runs as root, takes its orders from flags, the policy directory, signals and the control socket, and writes
// what it has to say to standard error.
//
// Errors are written as "caissond: …", one line each, followed by "hint: …" where something can be done.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"caisson/daemon/preflight"
)

// Exit statuses. Keep in sync with the Long text of the root command and RestartPreventExitStatus= of the unit.
const (
	exitError   = 1 // something went wrong
	exitUsage   = 2 // bad flag or argument
	exitRefused = 3 // this host cannot enforce
)

// usageError marks an error of the command line.
type usageError struct{ error }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.error }

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// run runs the command with arguments and returns the exit status.
func run(args []string, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}

	report(stderr, err)
	var usage usageError
	var failure *preflight.Failure
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &failure):
		return exitRefused
	}
	return exitError
}

// report writes each of the joined errors and its hint.
func report(w io.Writer, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			report(w, e)
		}
		return
	}

	fmt.Fprintf(w, "caissond: %v\n", err)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintf(w, "hint: %s\n", hinted.Hint())
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(w, "hint: caissond --help")
	}
}

// noArgs refuses arguments as an error of usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return usageError{err}
	}
	return nil
}
