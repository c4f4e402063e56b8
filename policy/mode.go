// SPDX-License-Identifier: Apache-2.0

package policy

// Mode says whether an agent's verdicts are enforced.
type Mode uint8

// The modes. The zero value enforces.
const (
	Enforce Mode = iota // a denial is a denial
	Observe             // everything is decided and recorded, and nothing but the hard floor is refused
)

// BaselineKind says which built-in rules stand behind an agent's own.
type BaselineKind uint8

// The baselines. The zero value is what any program needs in order to start.
const (
	BaselineRuntime BaselineKind = iota // see [Baseline]
	BaselineNone
)
