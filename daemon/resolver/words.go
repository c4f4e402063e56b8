// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"bytes"
	"strings"

	"caisson/policy"
)

// hidden stands for a word, or the part of one, that is not kept.
const hidden = "…"

// longestCluster is how long a word with one dash may be before it is taken for an option with its value attached
// (-pSECRET) instead of some options together (-rf).
const longestCluster = 3

// split takes the argument words, without argv[0], from an event: words that end with a zero byte. What follows the last
// one is a word that did not fit. cut says that some are missing.
func split(argv []byte, argc int) (words [][]byte, cut bool) {
	for len(argv) > 0 {
		word, rest, whole := bytes.Cut(argv, []byte{0})
		if !whole {
			break
		}
		words = append(words, word)
		argv = rest
	}
	cut = len(words) < argc
	if len(words) > 0 {
		words = words[1:] // argv[0] is what the caller says it is and proves nothing
	}
	return words, cut
}

// vocabulary is the set of words that an agent's own command rules spell out: they are in the policy, so they are no
// secret in the log.
func vocabulary(p *policy.Policy) map[string]bool {
	known := map[string]bool{}
	for _, r := range p.Rules {
		for _, c := range r.When.Conditions() {
			if c.Field != "command" {
				continue
			}
			for _, word := range strings.Fields(c.Value) {
				known[word] = true
			}
		}
	}
	return known
}

// redact keeps of each word what says which command was run, and hides what may be a secret: a log cannot forget.
func redact(words [][]byte, known map[string]bool) []string {
	var out []string
	for _, w := range words {
		out = append(out, redactWord(string(w), known))
	}
	return out
}

func redactWord(word string, known map[string]bool) string {
	if known[word] {
		return word
	}
	if !strings.HasPrefix(word, "-") {
		return hidden
	}

	name, _, valued := strings.Cut(word, "=")
	if !strings.HasPrefix(name, "--") && len(name) > longestCluster {
		return name[:2] + hidden
	}
	if valued {
		return name + "=" + hidden
	}
	return name
}
