// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"slices"
	"strings"
)

// Names of variables.
const (
	varHome      = "HOME"      // the home directory of the run's user
	varWorkspace = "WORKSPACE" // given when the run is launched
	varAgent     = "AGENT"     // the policy's agent
)

var variableNames = []string{varHome, varWorkspace, varAgent}

// varRef is where the value of a condition has a variable.
type varRef struct {
	name       string
	start, end int // of "${NAME}", in bytes
}

// references finds the variables of a condition's value.
func references(c Condition) ([]varRef, *valueError) {
	var refs []varRef
	value := c.Value
	for i := 0; i < len(value); i++ {
		switch {
		case c.Op == opRegex && value[i] == '\\':
			i++ // "\$" is a dollar sign
		case c.Op == opRegex && value[i] == '[':
			end := regexClass(value, i)
			if at := strings.Index(value[i:end], "${"); at >= 0 && at+i < end-1 {
				return nil, badByte(i+at, "write it outside of the class", "a variable cannot stand in a class")
			}
			i = end - 1
		case strings.HasPrefix(value[i:], "${"):
			ref, err := referenceAt(value, i)
			if err != nil {
				return nil, err
			}
			if c.Op == opGlob && strings.LastIndexByte(value[:i], '[') > strings.LastIndexByte(value[:i], ']') {
				return nil, badByte(i, "write it outside of the class", "a variable cannot stand in a class")
			}
			refs = append(refs, ref)
			i = ref.end - 1
		}
	}
	if len(refs) > 0 && c.Op == opRegex && strings.Contains(value, `\Q`) {
		return nil, badValue(`write the text without \Q`, `a variable cannot stand in an expression with \Q`)
	}
	return refs, nil
}

// referenceAt reads the variable at value[i:], which begins with "${".
func referenceAt(value string, i int) (varRef, *valueError) {
	const hint = "there are ${HOME}, ${WORKSPACE} and ${AGENT}"
	size := strings.IndexByte(value[i:], '}')
	if size < 0 {
		return varRef{}, badByte(i, hint, "\"${\" is not closed")
	}
	name := value[i+2 : i+size]
	if !slices.Contains(variableNames, name) {
		return varRef{}, badByte(i, hint+meant(name, variableNames), "unknown variable ${%s}", name)
	}
	return varRef{name, i, i + size + 1}, nil
}

// regexClass is the end of the class that opens at value[i]. A class that is not closed ends with the value; it is a fault
// that the expression's own check finds.
func regexClass(value string, i int) int {
	j := i + 1
	if j < len(value) && value[j] == '^' {
		j++
	}
	for first := true; j < len(value); first = false {
		switch {
		case value[j] == ']' && !first:
			return j + 1
		case value[j] == '\\':
			j += 2
		case strings.HasPrefix(value[j:], "[:"):
			if size := strings.Index(value[j:], ":]"); size >= 0 {
				j += size + 2
				continue
			}
			j++
		default:
			j++
		}
	}
	return len(value)
}

// checkTemplate says whether a condition that may have variables is well formed whatever their values are, and returns the
// variables.
func checkTemplate(a Action, c Condition) ([]varRef, *valueError) {
	refs, err := references(c)
	if err != nil || len(refs) == 0 {
		if err == nil {
			err = checkCondition(a, c)
		}
		return nil, err
	}

	structural := c.Field == "path" && (c.Op == opEquals || c.Op == opStartsWith || c.Op == opGlob) && !strings.HasPrefix(c.Value, "@")
	for _, ref := range refs {
		if structural && ref.start > 0 && ref.name != varAgent {
			return nil, badByte(ref.start, "begin the path with it", "${%s} is an absolute path, so it cannot stand inside of one", ref.name)
		}
	}

	// Each variable is replaced by text of its own length, so that a fault's offset is right in the original, too.
	shown := c
	var back []string
	for _, ref := range refs {
		standIn := "/v~" + ref.name
		if ref.name == varAgent {
			standIn = "vv~" + ref.name
		}
		back = append(back, standIn, "${"+ref.name+"}")
		shown.Value = shown.Value[:ref.start] + standIn + shown.Value[ref.end:]
	}
	if err := checkCondition(a, shown); err != nil {
		original := strings.NewReplacer(back...)
		err.msg, err.hint = original.Replace(err.msg), original.Replace(err.hint)
		return nil, err
	}
	return refs, nil
}

// substitute puts the values of variables into a condition; those that are not in vars stay.
func substitute(c Condition, refs []varRef, vars map[string]string) Condition {
	var b strings.Builder
	at := 0
	for _, ref := range refs {
		value, ok := vars[ref.name]
		if !ok {
			continue
		}
		b.WriteString(c.Value[at:ref.start])
		b.WriteString(literal(c.Op, value, c.Value[ref.end:]))
		at = ref.end
	}
	b.WriteString(c.Value[at:])
	c.Value = b.String()
	return c
}

var globLiterals = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")

// literal writes a value so that the operator takes every byte of it for itself; rest is what follows it.
func literal(op, value, rest string) string {
	switch op {
	case opGlob:
		return globLiterals.Replace(value)
	case opRegex:
		quoted := regexp.QuoteMeta(value)
		if rest != "" && strings.IndexByte("*+?{", rest[0]) >= 0 {
			return "(?:" + quoted + ")" // else only its last byte would be repeated
		}
		return quoted
	}
	return value
}
