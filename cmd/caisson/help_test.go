// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyCommand calls a function for each command, with cobra's own.
func everyCommand(t *testing.T, visit func(*testing.T, *cobra.Command)) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) { visit(t, cmd) })
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(newUI(os.Stdout, os.Stderr)))
}

// TestHelp holds every command to its contract: what it does, how it ends, what its flags mean.
func TestHelp(t *testing.T) {
	everyCommand(t, func(t *testing.T, cmd *cobra.Command) {
		if !strings.Contains(cmd.Long, "\n\nExit status:\n  0    ") {
			t.Errorf("the help text does not say how the command ends:\n%s", cmd.Long)
		}
		if strings.HasSuffix(cmd.Short, ".") || cmd.Short == "" {
			t.Errorf("short text %q", cmd.Short)
		}
		for line := range strings.Lines(cmd.Long) {
			if len(line) > 130 {
				t.Errorf("line of %d bytes: %s", len(line), line)
			}
		}
		leaf := !cmd.HasSubCommands() && !strings.HasPrefix(cmd.CommandPath(), "caisson completion")
		if leaf && !strings.Contains(cmd.Example, "caisson "+strings.TrimPrefix(cmd.CommandPath(), "caisson ")) {
			t.Errorf("no example: %q", cmd.Example)
		}
	})
}

// TestExamples parses the command line of every example, so that none names a flag that does not exist.
func TestExamples(t *testing.T) {
	everyCommand(t, func(t *testing.T, cmd *cobra.Command) {
		_, line, ok := strings.Cut(cmd.Example, "caisson ")
		if !ok || strings.Contains(line, ")") {
			return
		}
		root := newRoot(newUI(os.Stdout, os.Stderr))
		root.SetOut(io.Discard)
		found, rest, err := root.Find(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		if cmd.HasParent() && found.CommandPath() != cmd.CommandPath() {
			t.Errorf("the example is one of %s", found.CommandPath())
		}
		if err := found.ParseFlags(rest); err != nil {
			t.Error(err)
		}
	})
}
