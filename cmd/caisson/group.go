// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: short + "." + exits(failed, wrongUsage),
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return noSuch(cmd, args) },
		// Without this, the names of files would be offered for those of commands.
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.AddCommand(subs...)
	return cmd
}

// noSuch says that a group has no such command, and which it has.
func noSuch(cmd *cobra.Command, args []string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	hint := "use one of " + strings.Join(names, ", ") + "; " + seeHelp(cmd)
	if len(args) == 0 {
		return usage(hint, "no command given")
	}

	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "? " + seeHelp(cmd)
	}
	_, name, _ := strings.Cut(cmd.CommandPath()+" "+args[0], " ")
	return usage(hint, "unknown command %q", name)
}

// newHelp replaces cobra's help command, which succeeds when asked about a command that does not exist.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Explain a command",
		Long:    "Explain a command." + exits(wrongUsage),
		Example: "  caisson help audit query",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage(seeHelp(cmd.Root()), "unknown command %q", strings.Join(args, " "))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

// noArgs refuses arguments that are not flags.
func noArgs(cmd *cobra.Command, args []string) error { return atMost(0)(cmd, args) }

// atMost refuses more arguments than n.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usage(seeHelp(cmd), "unexpected argument %q", args[n])
		}
		return nil
	}
}
