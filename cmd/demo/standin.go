// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
)

// standInName is the name under which this program plays npm. Real npm is a script that starts with `#!/usr/bin/env
// node`: its interpreters are programs of their own, and in this version a policy that allows `npm test` does not yet
// allow them with it. So the demo installs itself as npm: a real program, which the kernel executes or refuses.
const standInName = "npm"

// standIn is npm: it says with which words it was really started.
func standIn(w io.Writer, args []string) int {
	if _, err := fmt.Fprintln(w, ran(args...)); err != nil {
		return 1
	}
	return 0
}

// ran is what the stand-in prints.
func ran(args ...string) string { return "npm ran: " + strings.Join(args, " ") }
