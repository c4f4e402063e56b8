// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"caisson/policy"
	"caisson/policy/templates"
)

func newPolicyInit(u *ui) *cobra.Command {
	var template, agent once
	var workspace, output string
	names := strings.Join(templates.Names(), ", ")
	cmd := &cobra.Command{
		Use: "init --template NAME", Short: "Write a policy to start from",
		Long: `Write a policy to start from, with comments that say why each rule is there and tests that it passes. It is printed, or
written to a file that does not exist yet. The templates: ` + names + `.

${WORKSPACE} in it is given when a run is launched; --workspace writes a directory there instead.` + exits(failed, wrongUsage),
		Example: "  caisson policy init --template coding --agent site-agent --output site-agent.yaml",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !template.given {
				return usage("name one: --template NAME, of "+names, "no template named")
			}
			if agent.given {
				if err := checkAgent(agent.value); err != nil {
					return err
				}
			}
			text, err := templates.Text(template.value, agent.value, workspace)
			if err != nil {
				return usage("", "%w", err)
			}
			return writeInit(u, text, output)
		},
	}
	addOnce(cmd, &template, "template", "NAME", "of the template: "+names)
	addAgent(cmd, &agent, "of the agent (default: the template's)")
	cmd.Flags().StringVar(&workspace, "workspace", "", "`DIR` to write in the place of ${WORKSPACE}")
	cmd.Flags().StringVar(&output, "output", "", "`FILE` to write instead of standard output; it must not exist")
	completeWords(cmd, "template", templates.Names()...)
	must(cmd.MarkFlagDirname("workspace"))
	return cmd
}

// writeInit writes the text of a policy, which is checked first: a directory may have a name that a rule cannot spell.
func writeInit(u *ui, text, output string) error {
	name := output
	if name == "" {
		name = "policy"
	}
	p, err := policy.Parse(name, []byte(text))
	if err != nil {
		return err
	}
	if output == "" {
		u.text(text)
		return nil
	}

	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &hinted{fmt.Errorf("%s exists already", output), "choose another name, or remove it first"}
	case err != nil:
		return fmt.Errorf("writing policy: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing policy: %w", err)
	}
	u.note("%s is a policy for agent %s; try it: caisson policy test %s", output, p.Agent, output)
	return nil
}
