// SPDX-License-Identifier: Apache-2.0

package policy

// elementKind is what one element of a rule takes from a subject.
type elementKind uint8

const (
	elemName    elementKind = iota // exactly this name
	elemPattern                    // one name with this prefix and this suffix
	elemAny                        // any one name
	elemMaybe                      // one name that a pattern beyond the image may match: any name, but not for sure
	elemRest                       // any number of names
)

// element is one step of a rule. A program element belongs to the location of a program and takes no separator, so that a
// pattern for programs can never swallow arguments.
type element struct {
	kind    elementKind
	program bool
	text    string // the name, or the prefix of the pattern
	suffix  string
}

// literals makes one exact element per name.
func literals(names []string) []element {
	elems := make([]element, 0, len(names)+2)
	for _, name := range names {
		elems = append(elems, element{kind: elemName, text: name})
	}
	return elems
}

// pattern says whether a name, however long, matches the element's prefix and suffix.
func (e *element) pattern(name string) bool {
	return len(name) >= len(e.text)+len(e.suffix) &&
		name[:len(e.text)] == e.text && name[len(name)-len(e.suffix):] == e.suffix
}
