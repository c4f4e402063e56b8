// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newPolicy(u *ui) *cobra.Command {
	return group("policy", "Write, check, test, explain, compare and prove policies",
		newPolicyInit(u), newPolicyCheck(u), newPolicyTest(u), newPolicySchema(u), newPolicyShow(u), newPolicyExplain(u),
		newPolicyDiff(u), newPolicyProve(u), newPolicyReplay(u), newPolicySuggest(u))
}
