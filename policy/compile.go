// SPDX-License-Identifier: Apache-2.0

package policy

import "errors"

// maxCells bounds an image to 64 MiB.
const maxCells = 1 << 20

// Compile makes the decision image of a policy and the baseline. What a rule became on this host is in the image's notes.
// It is an error when a rule cannot be placed, or when the image would be too large; the error names the rule.
func Compile(p *Policy, env Env) (*Image, error) {
	return nil, errors.New("compiling: not linked in")
}
