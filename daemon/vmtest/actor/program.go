// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"os"
	"path/filepath"
)

// Program turns a copy of the test binary, installed under another name, into a small program: it exits with 66 if its
// first argument is "deploy!!" and with 0 otherwise. It returns when the process is the test binary itself.
func Program() {
	switch filepath.Base(self) { // argv[0] is whatever the caller said
	case "npm", "tool":
		if len(os.Args) > 1 && os.Args[1] == "deploy!!" {
			os.Exit(argvBad)
		}
		os.Exit(0)
	}
}
