// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"caisson/policy"
)

func newPolicySchema(u *ui) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of policy files",
		Long: `Print the JSON Schema (draft 2020-12) of policy files, for editors that check and complete what is written. It is not quite
as strict as policy check, which understands the text of values and what files include.` + exits(wrongUsage),
		Example: "  caisson policy schema >policy.schema.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			u.text(string(policy.Schema()))
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}
