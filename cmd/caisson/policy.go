// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newPolicy(u *ui) *cobra.Command {
	return group("policy", "Check policy files, and show what becomes of their rules", newPolicyCheck(u), newPolicySchema(u), newPolicyShow(u))
}
