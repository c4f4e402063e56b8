// SPDX-License-Identifier: Apache-2.0

package policytest

import "math/rand/v2"

// Chooser is where a generator takes its choices from: IntN returns a number from 0 to n-1.
type Chooser interface{ IntN(n int) int }

// Seeded chooses at random; the same seed chooses the same.
func Seeded(seed uint64) Chooser { return rand.New(rand.NewPCG(seed, 7)) }

// Bytes chooses by bytes, for a fuzzer; when they run out it always takes the first.
func Bytes(data []byte) Chooser { return &byteChooser{data} }

type byteChooser struct{ data []byte }

func (b *byteChooser) IntN(n int) int {
	if len(b.data) == 0 || n <= 1 {
		return 0
	}
	c := int(b.data[0])
	b.data = b.data[1:]
	return c % n
}

func pick[T any](c Chooser, list []T) T { return list[c.IntN(len(list))] }

// several makes some values, each by f.
func several[T any](c Chooser, least, most int, f func() T) []T {
	out := make([]T, 0, most)
	for range least + c.IntN(most-least+1) {
		out = append(out, f())
	}
	return out
}
