// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"caisson/bpf/layout"
)

// ArgvSubject is the subject of running a program with words that are known exactly; cut says that more words follow which
// are not known. Word 0 is looked up as a rule's is; resolved is false when it has no slash and was not found. Like the
// kernel, it does not see more than layout.MaxArgvBytes of words.
func ArgvSubject(env Env, argv []string, cut bool) (s Subject, resolved bool, err error) {
	if len(argv) == 0 || argv[0] == "" {
		return Subject{}, false, fmt.Errorf("command: no program (name one)")
	}
	if verr := checkProgram(opEquals, argv[0]); verr != nil {
		return Subject{}, false, fmt.Errorf("command: %w", verr)
	}
	for i, word := range argv {
		if strings.IndexByte(word, 0) >= 0 {
			return Subject{}, false, fmt.Errorf("command: word %d contains a NUL byte", i)
		}
	}

	s = Subject{Action: ShellExec, TruncatedArgs: cut}
	room := layout.MaxArgvBytes - len(argv[0]) - 1
	for _, word := range argv[1:] {
		if room -= len(word) + 1; room < 0 {
			s.TruncatedArgs = true
			break
		}
		s.Args = append(s.Args, []byte(word))
	}

	path, resolved := programPath(env, argv[0])
	if !resolved {
		s.Names = [][]byte{[]byte(absentPrefix + argv[0])}
		return s, false, nil
	}
	names, verr := splitPath(path)
	if verr != nil {
		return Subject{}, false, fmt.Errorf("command: %w", verr)
	}
	s.Names = byteNames(names)
	return s, true, nil
}
