// SPDX-License-Identifier: Apache-2.0

// Package diff says what a change of a policy changes: not which lines, but which subjects are now allowed, denied, left to
// an approval or left to user space. It walks the compiled forms of both policies side by side, so it sees every subject there
// is, and shows a shortest one for each change. What it shows has been run on both images and on the specification. Where both
// leave a place to user space, it is a change unless the rules that are asked there are the same.
//
// The policies are trusted, the answer is for a person who reviews. Nothing is kept between calls.
package diff
