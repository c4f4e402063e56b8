// SPDX-License-Identifier: Apache-2.0

// Command demo shows what caisson does, on a real kernel, by real programs: three agents under three policies, an
// identity that has no policy, and a process that is no agent try some forty things, and each line says what was tried,
// what was expected, what the kernel did, and which rule decided. It is a development program and is never installed.
//
// Every line has two witnesses: the process (its exit status, its error and what is left on disk) and the audit log. A
// line is as expected only if both say what was expected; at the first that is not, the demo ends.
//
// It lives for one run, as root, in one of two places. In a virtual machine of cmd/vmrun it uses caisson's own default
// paths and writes /project and /data/research; it refuses to do so anywhere else. With -host it runs on the machine
// itself: only after a probe has shown that the kernel enforces, only if those directories and caisson's cgroups do not
// exist, with all state in fresh directories, and it removes what it made.
//
// Trust: the demo is the operator. It starts the daemon, launches the agents, and believes no agent about itself.
//
// Exit status: 0 when everything was as expected; 1 at a difference or when it could not run; 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

// options is the command line.
type options struct {
	Host     bool   // run on this machine instead of in a guest
	Color    bool   // the output is a terminal
	Bin      string // directory of caisson and caissond; "": on PATH
	Policies string // directory of the three policies
}

func main() {
	if filepath.Base(os.Args[0]) == standInName {
		os.Exit(standIn(os.Stdout, os.Args[1:]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	err = demonstrate(ctx, opt, stdout)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "demo: %v\n", err)
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintf(stderr, "hint: %s\n", h.Hint())
	}
	return exitFailed
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var opt options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&opt.Host, "host", false, "run on this machine, if it enforces, instead of in a virtual machine")
	flags.BoolVar(&opt.Color, "color", false, "colour the output")
	flags.StringVar(&opt.Bin, "bin", "", "`directory` of caisson and caissond (default: look on PATH)")
	flags.StringVar(&opt.Policies, "policies", "/etc/caisson/policies", "`directory` of the policies")
	if err := flags.Parse(args); err != nil {
		return opt, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return opt, err
	}
	return opt, nil
}
