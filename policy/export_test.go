// SPDX-License-Identifier: Apache-2.0

package policy

// DeferringReference is the specification of an image: what it cannot hold matches maybe. For tests outside of the package,
// which can use policytest.
func DeferringReference(p *Policy, env Env, s Subject) Verdict {
	return reference(p, env, s, asking{deferring: true})
}
