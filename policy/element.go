// SPDX-License-Identifier: Apache-2.0

package policy

// elementKind is what one element of a rule takes from a subject.
type elementKind uint8

const (
	elemName    elementKind = iota // exactly this name
	elemPattern                    // one name that matches the pattern
	elemAny                        // any one name
	elemMaybe                      // one name that a pattern beyond the image may match: any name, but not for sure
	elemRest                       // any number of names
	elemDoubt                      // nothing; what comes behind it matches only maybe

	// The compiler adds the others.
	elemEnd   // nothing: the subject must end here
	elemAll   // the rest of a subject, whatever it is: the sequence has matched
	elemAlive // the same, but the place only keeps a rule in mind of which no sequence can match any more
)

// element is one step of a rule. A program element belongs to the location of a program and takes no separator, so that a
// pattern for programs can never swallow arguments.
type element struct {
	kind    elementKind
	program bool
	text    string   // elemName
	pattern *pattern // elemPattern
}

// literals makes one exact element per name.
func literals(names []string) []element {
	elems := make([]element, 0, len(names)+2)
	for _, name := range names {
		elems = append(elems, element{kind: elemName, text: name})
	}
	return elems
}

// known is how many elements a sequence begins with that stay when the rest is deferred: names, and what says that an
// abstract socket is meant.
func known(elems []element) int {
	n := 0
	for n < len(elems) && (elems[n].kind == elemName || n == 0 && abstract(elems)) {
		n++
	}
	return n
}

// deferrable says whether elements hold more than names and a rest at the end.
func deferrable(elems []element) bool {
	tail := elems[known(elems):]
	return len(tail) > 0 && tail[0].kind != elemDoubt && !(len(tail) == 1 && tail[0].kind == elemRest && !tail[0].program)
}

// deferred is the form of elements that only user space can match: their names as far as they are known, and then maybe.
func deferred(elems []element) []element {
	n := known(elems)
	return append(elems[:n:n], element{kind: elemDoubt}, rest)
}
