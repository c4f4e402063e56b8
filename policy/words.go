// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"caisson/bpf/layout"
)

// shellBytes mean something to a shell. No shell stands between a rule and a program, so a rule or a command line that has
// one of them does not mean what it seems to say.
const shellBytes = "'\"\\;|&$`<>()\n\r"

// splitWords splits a command at blanks. Anything that a shell would take apart is refused, naming the column.
func splitWords(line string, glob bool) ([]string, *valueError) {
	for i := range len(line) {
		c := line[i]
		switch {
		case strings.IndexByte(shellBytes, c) >= 0:
			return nil, badByte(i, "words are separated by blanks and mean only themselves; there is no shell",
				"%s in column %d of the command is shell syntax", byteName(c), i+1)
		case c == '*' && !glob:
			return nil, badByte(i, "only a rule with glob can have one", "\"*\" in column %d of the command", i+1)
		case c < ' ' && c != '\t' || c == 0x7f:
			return nil, badByte(i, "", "control character %#02x in column %d of the command", c, i+1)
		}
	}

	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 {
		return nil, badValue("name a program", "the command is empty")
	}
	return words, nil
}

// byteName shows a byte of a command line in a message.
func byteName(c byte) string {
	if c < ' ' {
		return fmt.Sprintf("%q", string(rune(c)))
	}
	return fmt.Sprintf("\"%c\"", c)
}

// checkProgram says whether word 0 of a rule names a program.
func checkProgram(op, word string) *valueError {
	switch {
	case strings.HasPrefix(word, "/"):
		names, err := splitPath(word)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return badValue("name a program", "\"/\" is not a program")
		}
		if op == opGlob {
			return checkPath(op, word)
		}
	case strings.Contains(word, "/"):
		return badByte(0, "write the whole path, or only the name of a program on secure_path",
			"program %q is a relative path", word)
	case op == opGlob && strings.ContainsAny(word, globMeta):
		return badByte(0, "write a path, as /usr/bin/*", "a program without a path cannot be a pattern (%q)", word)
	case len(word)+len(absentPrefix) > layout.MaxName:
		return badByte(0, "", "the program's name is %d bytes long, more than %d", len(word), layout.MaxName-len(absentPrefix))
	}
	return nil
}
