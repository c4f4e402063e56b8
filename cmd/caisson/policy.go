// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

func newPolicy(u *ui) *cobra.Command {
	return group("policy", "Check, test and show policies, and find new ones", newPolicyInit(u), newPolicyCheck(u), newPolicyTest(u),
		newPolicySchema(u), newPolicyShow(u), newPolicyReplay(u), newPolicySuggest(u))
}
