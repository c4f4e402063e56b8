// SPDX-License-Identifier: Apache-2.0

package policy

// truth is a value of three-valued logic: maybe is what only user space can tell. The order makes "and" a minimum and "or"
// a maximum.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

// not is the value of the negation.
func (v truth) not() truth { return yes - v }
