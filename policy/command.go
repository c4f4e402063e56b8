// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// checkCommand says whether the value of a command condition is well formed.
func checkCommand(op, value string) *valueError {
	if op == opRegex {
		return checkRegex(value)
	}
	words, err := splitWords(value, op == opGlob)
	if err != nil {
		return err
	}
	if len(words)+layout.MaxDepth > layout.MaxNames {
		return badValue("", "the command has %d words, more than %d", len(words), layout.MaxNames-layout.MaxDepth)
	}

	// These two are about arguments only; a program is named by the others.
	args := words
	if op != opEndsWith && op != opContains {
		if err := checkProgram(op, words[0]); err != nil {
			return locateIn(value, words[0], err)
		}
		args = words[1:]
	}
	for _, word := range args {
		if len(word) > layout.MaxName {
			return badValue("", "a word of the command is %d bytes long, more than %d", len(word), layout.MaxName)
		}
		if op != opGlob {
			continue
		}
		if err := checkGlob(word); err != nil {
			return locateIn(value, word, err)
		}
	}
	return nil
}
