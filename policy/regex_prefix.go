// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp/syntax"
	"strings"

	"caisson/bpf/layout"
)

// pathRegex may match below the names that its text begins with for sure. One without any operator is a path.
func pathRegex(text string) atom {
	prefix, whole, ok := literalPrefix(text)
	switch {
	case !ok || prefix != "" && prefix[0] != '/' || whole && prefix == "":
		return atom{}
	case prefix == "":
		return doubtful(nil, whyRegex)
	case prefix == "/" && whole:
		return one()
	}

	names := strings.Split(prefix[1:], "/")
	if !whole {
		names = names[:len(names)-1] // the name goes on
	}
	for _, name := range names {
		if name == "" || len(name) > layout.MaxName {
			return atom{}
		}
	}
	if whole {
		return one(literals(names)...)
	}
	return doubtful(literals(names), whyRegex)
}

// commandRegex may match programs below the names, and words behind those, that its text begins with for sure.
func commandRegex(text string) atom {
	prefix, _, ok := literalPrefix(text)
	if !ok {
		return atom{}
	}
	if prefix == "" || prefix[0] != '/' {
		return doubtful(nil, whyRegex) // the program may be quoted
	}

	words := strings.Split(prefix, " ")
	names := strings.Split(words[0][1:], "/")
	if len(words) == 1 {
		names = names[:len(names)-1]
	}
	elems := literals(names)
	if len(words) > 1 {
		elems = append(elems, element{kind: elemName, text: separator})
		for _, word := range words[1 : len(words)-1] {
			if !plainWord(word) {
				break
			}
			elems = append(elems, element{kind: elemName, text: word})
		}
	}
	for _, e := range elems {
		if e.text == "" || len(e.text) > layout.MaxName {
			return atom{}
		}
	}
	return doubtful(elems, whyRegex)
}

// plainWord says whether a word stands for itself in a canonical command line: it is not empty and needs no quotes.
func plainWord(word string) bool {
	for i := range len(word) {
		c := word[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_./:=@%+,-", c) >= 0) {
			return false
		}
	}
	return word != ""
}

// literalPrefix is the text with which every match of the whole expression begins, and whether that is all of it. False
// when the expression cannot be read.
func literalPrefix(text string) (prefix string, whole, ok bool) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return "", false, false
	}
	re = trimAnchors(re)
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return "", false, false
	}
	prefix, whole = prog.Prefix()
	return prefix, whole, true
}

// trimAnchors leaves out the anchors at both ends, which the whole expression has anyway.
func trimAnchors(re *syntax.Regexp) *syntax.Regexp {
	if re.Op != syntax.OpConcat {
		return re
	}
	sub := re.Sub
	for len(sub) > 0 && sub[0].Op == syntax.OpBeginText {
		sub = sub[1:]
	}
	for len(sub) > 0 && sub[len(sub)-1].Op == syntax.OpEndText {
		sub = sub[:len(sub)-1]
	}
	return &syntax.Regexp{Op: syntax.OpConcat, Flags: re.Flags, Sub: sub}
}
