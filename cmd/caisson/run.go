// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"caisson/daemon/api"
	"caisson/daemon/launch"
)

func newRun(u *ui) *cobra.Command {
	var agent once
	var socket, policies, workspace string
	cmd := &cobra.Command{
		Use: "run --agent NAME [--] COMMAND [ARG…]", Short: "Run a command as an agent",
		Long: `Run a command as an agent: in a new run of that agent, under its policy from the first instruction on. The command takes
the place of this process, so terminal, environment, signals and exit status are its own; of the open files it gets
standard input, output and error. Put -- before a command that has flags.

Where the policy says ${HOME} it means the home directory of this process's user, and ${WORKSPACE} means --workspace, or
without it the directory in which this command is given.` +
			exits(append([]meaning{{exitOK, "success; else the command's own exit status, or:"}}, runExits...)...),
		Example: `  caisson run --agent coding-agent -- npm test --watch
  caisson run --agent coding-agent --workspace ~/src/site -- bash`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkAgent(agent.value); err != nil {
				return err
			}
			if err := checkCommand(cmd, args); err != nil {
				return err
			}
			if workspace != "" {
				abs, err := filepath.Abs(workspace)
				if err != nil {
					return fmt.Errorf("--workspace %s: %w", workspace, err)
				}
				workspace = abs
			} else if cmd.Flags().Changed("workspace") {
				return usage("leave it out for the current directory", "--workspace is empty")
			}
			return explainLaunch(launch.Exec(socket, api.RunRequest{Agent: agent.value, Workspace: workspace}, args, os.Environ()), policies)
		},
	}
	addAgent(cmd, &agent, "of the agent to be")
	cmd.Flags().StringVar(&workspace, "workspace", "", "`DIR` that ${WORKSPACE} in the policy stands for (default: the current directory)")
	addSocket(cmd, &socket)
	addPolicies(cmd, &policies)
	cmd.Flags().Lookup("policies").Usage = "`DIR` with the policy files, to suggest names of agents from"
	// A flag after the command is the command's: that caisson took "tool --agent x" for its own agent must not happen.
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// checkCommand refuses what may be meant in two ways.
func checkCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage("write it after --, as in: caisson run --agent NAME -- npm test", "no command given")
	}
	if cmd.ArgsLenAtDash() == 0 {
		return nil
	}
	for _, arg := range args[1:] {
		if strings.HasPrefix(arg, "-") {
			return usage("write -- before the command: caisson run --agent NAME -- "+args[0]+" "+arg,
				"it is not clear whose flag %q is", arg)
		}
	}
	return nil
}

// explainLaunch gives a launch that did not come to be its exit status, and says which agents there are when there is none
// of that name. It is only about an agent that does not exist that the policies are read: this process is then still its
// caller's and not an agent.
func explainLaunch(err error, policies string) error {
	var failed *launch.Error
	if !errors.As(err, &failed) {
		return err
	}

	var answer *api.Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		if names := agentNames(policies); len(names) > 0 {
			hint := fmt.Sprintf("%s has policies for %s", policies, strings.Join(names, ", "))
			if answer.Hint != "" {
				hint = answer.Hint + "; " + hint
			}
			err = &hinted{err, hint}
		}
	}
	return &exitError{status: failed.Exit, err: err}
}
