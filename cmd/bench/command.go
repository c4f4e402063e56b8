// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

// compareCommand runs a command unconfined and as an agent, in turns, and prints the user and system time of each. A
// running daemon and the agent's policy are the caller's; so is what the command leaves behind.
func compareCommand(ctx context.Context, opt options, out io.Writer) error {
	ways := []struct {
		name     string
		launcher []string
		times    []time.Duration
	}{
		{name: "unconfined"},
		{name: "agent", launcher: []string{"caisson", "run", "--agent", opt.Run, "--"}},
	}
	for range opt.Rounds {
		for i := range ways {
			w := &ways[i]
			argv := append(slices.Clone(w.launcher), opt.Args...)
			cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%s: %v: %w", w.name, argv, err)
			}
			w.times = append(w.times, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	for i := range ways {
		w := &ways[i]
		best := slices.Min(w.times)
		fmt.Fprintf(out, "%-12s best %v of %v, %.3f times unconfined\n", w.name, best, w.times, float64(best)/float64(slices.Min(ways[0].times)))
	}
	return nil
}
