// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// abstractMark is the pattern of all abstract sockets. Only a path condition whose value begins with "@" matches such a
// socket, and it matches nothing else.
var abstractMark = pattern{prefix: abstractPrefix}

// abstractAtom is a path condition on an abstract socket, whose name is a single one however many slashes it has.
func abstractAtom(c Condition) atom {
	texts, why := []string{c.Value[1:]}, ""
	if c.Op == opGlob {
		texts, why = globTexts(c.Value[1:])
	}
	if why == "" {
		texts[0] = abstractPrefix + texts[0]
		if len(texts) == 1 {
			return one(element{kind: elemName, text: texts[0]})
		}
		var p pattern
		if p, why = newPattern(texts); why == "" {
			return one(element{kind: elemPattern, pattern: &p})
		}
	}
	a := one(element{kind: elemPattern, pattern: &abstractMark}, element{kind: elemDoubt})
	a.why = why
	return a
}

// abstract says whether a sequence matches abstract sockets; else it matches none.
func abstract(elems []element) bool {
	if len(elems) == 0 {
		return false
	}
	e := &elems[0]
	return e.kind == elemName && strings.HasPrefix(e.text, abstractPrefix) ||
		e.kind == elemPattern && strings.HasPrefix(e.pattern.prefix, abstractPrefix)
}
