// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"fmt"
	"strings"
)

// context is how many lines a diff shows around a change.
const context = 3

// Diff is the change of the policy's text as a unified diff, which patch -p1 and git apply take.
func Diff(file, text string, rules []Rule) (string, error) {
	if len(rules) == 0 {
		return "", nil
	}
	lines, ended := splitLines(text)
	in, err := insert(lines, rules)
	if err != nil {
		return "", err
	}
	from := max(in.at-context, 0)
	to := min(in.at+len(in.replaced)+context, len(lines))
	name := strings.TrimPrefix(file, "/")
	var b strings.Builder
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", name, name)
	fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n", from+1, to-from, from+1, to-from-len(in.replaced)+len(in.lines))

	const missing = "\\ No newline at end of file\n"
	write := func(mark, line string) { b.WriteString(mark + line + "\n") }
	torn := func(i int) bool { return !ended && i == len(lines)-1 }
	for i := from; i < in.at; i++ {
		if torn(i) { // the line gets its line feed because others follow
			write("-", lines[i])
			b.WriteString(missing)
			write("+", lines[i])
			continue
		}
		write(" ", lines[i])
	}
	for i, line := range in.replaced {
		write("-", line)
		if torn(in.at + i) {
			b.WriteString(missing)
		}
	}
	for _, line := range in.lines {
		write("+", line)
	}
	for i := in.at + len(in.replaced); i < to; i++ {
		write(" ", lines[i])
		if torn(i) {
			b.WriteString(missing)
		}
	}
	return b.String(), nil
}
