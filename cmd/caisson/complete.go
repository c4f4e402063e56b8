// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// completeAgents offers the agents of the policy directory that the command line names.
func completeAgents(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	dir := defaultPolicies
	if f := cmd.Flags().Lookup("policies"); f != nil {
		dir = f.Value.String()
	}
	return agentNames(dir), cobra.ShellCompDirectiveNoFileComp
}

// completeAgent offers agents for the first argument.
func completeAgent(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeAgents(cmd, args, word)
}

// completeWords offers fixed words for a flag.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// addCompletion adds cobra's command that writes completion scripts, and makes it as strict as all others.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Args, cmd.RunE, cmd.ValidArgsFunction = cobra.ArbitraryArgs, noSuch, cobra.NoFileCompletions
		cmd.Long = "Write the script that completes caisson's commands, flags and agents in a shell." + exits(wrongUsage)
		cmd.Example = "  source <(caisson completion bash)"
		for _, shell := range cmd.Commands() {
			shell.Args = noArgs
			shell.Long = strings.TrimSpace(shell.Long) + exits(wrongUsage)
		}
	}
}
