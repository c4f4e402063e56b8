// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newPolicy(u *ui) *cobra.Command {
	return group("policy", "Check, explain, compare and prove what policies say",
		newPolicyCheck(u), newPolicySchema(u), newPolicyShow(u), newPolicyExplain(u), newPolicyDiff(u), newPolicyProve(u))
}
