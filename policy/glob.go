// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// globMeta are the bytes that mean something in a glob.
const globMeta = "*?["

// checkGlob says whether one name, or one word, of a glob is well formed.
func checkGlob(name string) *valueError {
	if name == "**" {
		return nil
	}
	if i := strings.Index(name, "**"); i >= 0 {
		return badByte(i, "write /**/ for any number of names, * for any bytes of one name",
			"\"**\" stands only as a whole name, not inside %q", name)
	}
	if i := strings.IndexByte(name, '\\'); i >= 0 {
		return badByte(i, "a literal star is written [*]", "a backslash has no meaning in a glob")
	}

	for i := 0; i < len(name); i++ {
		if name[i] != '[' {
			continue
		}
		end, err := checkClass(name, i)
		if err != nil {
			return err
		}
		i = end
	}
	return nil
}

// checkClass checks the class that opens at name[start] and returns where its "]" stands.
func checkClass(name string, start int) (int, *valueError) {
	const form = "a class is written [a-z] or [!a-z]"
	size := strings.IndexByte(name[start:], ']')
	if size < 0 {
		return 0, badByte(start, form, "\"[\" is not closed in %q", name)
	}

	body := name[start+1 : start+size]
	if strings.HasPrefix(body, "^") {
		return 0, badByte(start, form, "\"^\" at the start of a class (negation is \"!\")")
	}
	body = strings.TrimPrefix(body, "!")
	if body == "" {
		return 0, badByte(start, form, "empty class in %q", name)
	}
	for i := 0; i < len(body); i++ {
		if body[i] >= 0x80 {
			return 0, badByte(start, form, "a class compares single bytes, and %q has a character of several", name)
		}
		if i+2 < len(body) && body[i+1] == '-' {
			if body[i] > body[i+2] {
				return 0, badByte(start, form, "range %q is empty", body[i:i+3])
			}
			i += 2
		}
	}
	return start + size, nil
}

// globElement turns one well-formed name or word of a glob into an element of the compiler. A pattern that an edge of the
// image cannot carry becomes one that matches any name but only maybe; why says why.
func globElement(name string, program bool) (e element, why string) {
	if name == "**" {
		return element{kind: elemRest, program: program}, ""
	}
	texts, why := globTexts(name)
	switch {
	case why != "":
		return element{kind: elemMaybe, program: program}, why
	case len(texts) == 1:
		return element{kind: elemName, text: texts[0]}, ""
	case name == "*":
		return element{kind: elemAny, program: program}, ""
	}
	p, why := newPattern(texts)
	if why != "" {
		return element{kind: elemMaybe, program: program}, why
	}
	return element{kind: elemPattern, pattern: &p, program: program}, ""
}

// globTexts splits a name of a glob at its stars. A class of exactly one byte is that byte; why names what is no text.
func globTexts(name string) (texts []string, why string) {
	var text []byte
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '*':
			texts, text = append(texts, string(text)), text[:0]
		case c == '?':
			return nil, whyQuestion
		case c == '[' && i+2 < len(name) && name[i+1] != '!' && name[i+2] == ']':
			text = append(text, name[i+1])
			i += 2
		case c == '[':
			return nil, whyClass
		default:
			text = append(text, c)
		}
	}
	return append(texts, string(text)), ""
}

// globLiteral is the one name that a name of a glob stands for; false when it stands for several.
func globLiteral(name string) (string, bool) {
	texts, why := globTexts(name)
	if why != "" || len(texts) != 1 {
		return "", false
	}
	return texts[0], true
}
