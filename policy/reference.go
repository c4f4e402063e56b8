// SPDX-License-Identifier: Apache-2.0

package policy
func Reference(p *Policy, env Env, s Subject) Verdict { return refuse(ReasonNoRule) }
