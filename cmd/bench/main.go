// SPDX-License-Identifier: Apache-2.0

// Command bench measures what caisson costs, in a virtual machine of cmd/vmrun that was started with -icount: its clock
// then counts the instructions of the guest, one to the nanosecond, and a measurement repeats to a tenth of a percent on
// any machine. It is a development program and is never installed.
//
// In one boot it measures the same operations without caisson's programs, with a program that returns at once, under
// Landlock, with caisson's programs for a process that is no agent, and as an agent with 10 and with 10,000 rules. What is
// counted is the CPU time of the thread that does the operation (for an exec, also that of the child), so the daemon's own
// work, which another processor does on a real machine, is not part of it; one row has the daemon read along, and shows
// what waking it adds.
//
//	bench                          in the guest: prints a report as JSON
//	bench -work [NAME...]          in the guest: the same for git clones, a C build and an npm test, or for those named so
//	bench -render A.json B.json    on the host: prints docs/performance.md
//	bench -check A.json            on the host: fails if a target is missed
//	bench -run NAME -- COMMAND     on a host with a daemon: a command unconfined, then as an agent; user and system time
//
// Trust: it is the operator. Exit status: 0; 1 when it could not run or a target was missed; 2 for wrong usage.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

// options is the command line.
type options struct {
	Render bool
	Check  bool
	Quick  bool
	Work   bool
	Run    string
	Rounds int
	Args   []string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == workerWord {
		if err := work(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "bench worker: %v\n", err)
			os.Exit(exitFailed)
		}
		return
	}

	if len(os.Args) > 1 && os.Args[1] == timeWord {
		if err := timeCommand(os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "bench timer: %v\n", err)
			os.Exit(exitFailed)
		}
		return
	}

	opt, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opt, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(exitFailed)
	}
}

// run does what the options say.
func run(ctx context.Context, opt options, out io.Writer) error {
	switch {
	case opt.Run != "":
		return compareCommand(ctx, opt, out)
	case opt.Render || opt.Check:
		reports, err := readReports(opt.Args)
		if err != nil {
			return err
		}
		if opt.Check {
			return check(reports, out)
		}
		return render(reports, out)
	default:
		r, err := measured(ctx, opt)
		if err != nil {
			return err
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "\t")
		return encoder.Encode(r)
	}
}

// measured makes the report that is asked for.
func measured(ctx context.Context, opt options) (report, error) {
	if opt.Work {
		return measureWork(ctx, opt.Args)
	}
	return measure(ctx, opt.Quick)
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var opt options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&opt.Render, "render", false, "print docs/performance.md from reports")
	flags.BoolVar(&opt.Check, "check", false, "fail if a report misses a target")
	flags.BoolVar(&opt.Quick, "quick", false, "measure only what the targets are about, and opens with fewer repetitions")
	flags.BoolVar(&opt.Work, "work", false, "measure workloads instead of single operations")
	flags.StringVar(&opt.Run, "run", "", "compare a command unconfined and as this `agent`")
	flags.IntVar(&opt.Rounds, "rounds", 3, "`number` of times -run runs the command each way")
	if err := flags.Parse(args); err != nil {
		return opt, err
	}
	opt.Args = flags.Args()
	if opt.Run != "" && len(opt.Args) == 0 {
		err := errors.New("no command given (write it after --)")
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return opt, err
	}
	return opt, nil
}
