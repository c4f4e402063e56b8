// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"caisson/bpf/layout"
)

// Why an image can only say "maybe" for a rule.
const (
	whyQuestion = "? in a glob"
	whyClass    = "character class"
	whyMiddles  = "too many stars in one name"
	whyLong     = "text of a pattern too long"
	whyRegex    = "regex"
	whyCrowd    = "more than 8 patterns at one place"
)

// atom is a condition that the image decides name by name: it holds when one of the sequences matches the whole subject.
// Without sequences it never holds.
type atom struct {
	sequences [][]element
	why       string // why it can only say maybe somewhere; "": it never does
}

// merge makes the atom one that also holds when another does.
func (a *atom) merge(o *atom) {
	a.sequences = append(a.sequences, o.sequences...)
	if a.why == "" {
		a.why = o.why
	}
}

// one is the atom of one sequence.
func one(elems ...element) atom { return atom{sequences: [][]element{elems}} }

// doubtful is the atom that may match whatever begins with the elements.
func doubtful(elems []element, why string) atom {
	return atom{sequences: [][]element{deferred(elems)}, why: why}
}

// rest is the element for any number of names.
var rest = element{kind: elemRest}

// textAtoms are the operators on the string of a path or a command, by field. Nothing in them is looked for on the host.
var textAtoms = map[string]map[string]func(value string) atom{
	"path":    {opEndsWith: pathEnd, opContains: pathPart, opRegex: pathRegex},
	"command": {opEndsWith: wordsEnd, opContains: wordsPart, opRegex: commandRegex},
}

// pathEnd holds when the location ends with the text, byte for byte.
func pathEnd(text string) atom {
	parts := strings.Split(text, "/")
	last := len(parts) - 1
	switch {
	case text == "":
		return one(rest)
	case text == "/":
		return one() // only the root ends with a slash
	case parts[last] == "" || hollow(parts):
		return atom{}
	case len(parts[0]) > layout.PatternBytes:
		return doubtful(nil, whyLong)
	}

	elems := []element{rest}
	if parts[0] != "" {
		elems = append(elems, element{kind: elemPattern, pattern: &pattern{suffix: parts[0]}})
	}
	return one(append(elems, literals(parts[1:])...)...)
}

// pathPart holds when the text stands in the location, slashes included.
func pathPart(text string) atom {
	parts := strings.Split(text, "/")
	last := len(parts) - 1
	switch {
	case text == "" || text == "/":
		return one(rest)
	case hollow(parts):
		return atom{}
	case len(parts[0]) > layout.PatternBytes || len(parts[last]) > layout.PatternBytes:
		return doubtful(nil, whyLong)
	case last == 0:
		return one(rest, element{kind: elemPattern, pattern: &pattern{middle: [layout.MaxMiddles]string{text}}}, rest)
	}

	elems := []element{rest}
	if parts[0] != "" {
		elems = append(elems, element{kind: elemPattern, pattern: &pattern{suffix: parts[0]}})
	}
	elems = append(elems, literals(parts[1:last])...)
	if parts[last] == "" {
		return one(append(elems, element{kind: elemAny}, rest)...)
	}
	return one(append(elems, element{kind: elemPattern, pattern: &pattern{prefix: parts[last]}}, rest)...)
}

// hollow says whether what stands between slashes is no name.
func hollow(parts []string) bool {
	for i, part := range parts {
		if len(part) > layout.MaxName || part == "" && i > 0 && i < len(parts)-1 {
			return true
		}
	}
	return false
}

// wordsEnd holds when the last argument words are these.
func wordsEnd(text string) atom {
	elems, ok := argumentWords(text)
	if !ok {
		return atom{}
	}
	return one(elems...)
}

// wordsPart holds when these words stand among the arguments, one behind the other.
func wordsPart(text string) atom {
	elems, ok := argumentWords(text)
	if !ok {
		return atom{}
	}
	return one(append(elems, rest)...)
}

// argumentWords is any program, any words, then these; false when no argument can be one of them.
func argumentWords(text string) ([]element, bool) {
	words := strings.Fields(text)
	for _, word := range words {
		if len(word) > layout.MaxName {
			return nil, false
		}
	}
	elems := []element{{kind: elemRest, program: true}, {kind: elemName, text: separator}, rest}
	return append(elems, literals(words)...), true
}
