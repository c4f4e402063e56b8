// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"path"
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

// Bind gives the variables of a run their values and returns the policy that is enforced for it. Every value is a clean
// absolute path; it is an error when one that p.Variables lists is missing, or would make a rule say something else than it
// shows. The error joins values of type *[Error].
func (p *Policy) Bind(vars map[string]string) (*Policy, error) {
	b := binder{vars: vars}
	bound := *p
	bound.Variables = nil
	bound.Rules = slices.Clone(p.Rules)
	for i := range bound.Rules {
		r := &bound.Rules[i]
		r.When = b.expr(r, r.When)
	}
	if len(b.errs) > 0 {
		return nil, &Faults{Files: p.Files, List: b.errs[:min(len(b.errs), maxErrors)]}
	}
	return &bound, nil
}

// binder gives variables their values and collects what is wrong.
type binder struct {
	vars map[string]string
	errs []*Error
}

// expr returns the expression with variables bound: itself when it has none.
func (b *binder) expr(r *Rule, e *Expr) *Expr {
	switch {
	case e == nil:
		return nil
	case e.Kind == Test:
		c := b.condition(r, e.Test)
		if c == e.Test {
			return e
		}
		bound := *e
		bound.Test = c
		return &bound
	}

	bound := e
	for i, sub := range e.Sub {
		s := b.expr(r, sub)
		if s == sub {
			continue
		}
		if bound == e {
			clone := *e
			clone.Sub = slices.Clone(e.Sub)
			bound = &clone
		}
		bound.Sub[i] = s
	}
	return bound
}

// condition returns the condition with variables bound.
func (b *binder) condition(r *Rule, c Condition) Condition {
	if i := fieldIndex(c.Field); i < 0 || !fields[i].variables {
		return c
	}
	refs, err := references(c)
	for _, ref := range refs {
		value, ok := b.vars[ref.name]
		if !ok {
			err = badValue("it is given when a run is launched", "variable ${%s} has no value", ref.name)
		} else if err = checkVariable(value); err == nil && c.Field == "command" && c.Op != opRegex {
			err = checkWord(value)
		}
		if err != nil {
			b.fail(r, c, ref.name, err)
			return c
		}
	}
	if err != nil || len(refs) == 0 {
		return c
	}

	bound := substitute(c, refs, b.vars)
	if err := checkCondition(r.Action, bound); err != nil {
		b.fail(r, c, refs[0].name, err)
	}
	return bound
}

// fail records a fault of a rule.
func (b *binder) fail(r *Rule, c Condition, name string, err *valueError) {
	b.errs = append(b.errs, &Error{File: r.File, Pos: c.Pos, Hint: err.hint,
		Msg: fmt.Sprintf("rule %q: binding ${%s}: %s", r.Name, name, err.msg)})
}

// checkVariable says whether a variable may have this value. "/" is refused because a rule about a directory of one's own
// would become one about everything.
func checkVariable(value string) *valueError {
	const hint = "it must be the clean absolute path of a directory"
	switch {
	case !strings.HasPrefix(value, "/") || path.Clean(value) != value:
		return badValue(hint, "the value %q is not a clean absolute path", value)
	case value == "/":
		return badValue(hint, "the value \"/\" would cover everything")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return badValue(hint, "the value %q has a control character", value)
	case strings.Contains(value, "${"):
		return badValue(hint, "the value %q looks like a variable", value)
	}
	_, err := splitPath(value)
	return err
}

// checkWord says whether a value stays one word of a command.
func checkWord(value string) *valueError {
	if strings.ContainsAny(value, " \t"+shellBytes) {
		return badValue("choose a directory without blanks and without what means something to a shell",
			"the value %q is not one word of a command", value)
	}
	return nil
}
