// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"caisson/bpf/layout"
)

// splitPath cleans an absolute path lexically ("//", "." and a trailing "/" vanish) and returns its names; "/" has none.
// ".." is an error: what it means depends on symlinks, so a rule that has one does not say what it covers.
func splitPath(path string) ([]string, *valueError) {
	if !strings.HasPrefix(path, "/") {
		return nil, badValue("write it from the root, as /project/src", "path %q is not absolute", path)
	}
	if i := strings.IndexByte(path, 0); i >= 0 {
		return nil, badByte(i, "", "path contains a NUL byte")
	}

	names := []string{}
	at := 0
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "" || name == ".":
		case name == "..":
			return nil, badByte(at, "write the path that is meant", "path %q contains \"..\"", path)
		case len(name) > layout.MaxName:
			return nil, badByte(at, "no file can have such a name", "a name of the path is %d bytes long, more than %d",
				len(name), layout.MaxName)
		default:
			names = append(names, name)
		}
		at += len(name) + 1
	}
	if len(names) > layout.MaxDepth {
		return nil, badValue("", "path has %d names, more than %d", len(names), layout.MaxDepth)
	}
	return names, nil
}

// checkPath says whether the value of a path condition is well formed.
func checkPath(op, value string) *valueError {
	switch op {
	case opRegex:
		return checkRegex(value)
	case opEndsWith, opContains:
		return checkPathPart(op, value)
	}
	names, err := splitPath(value)
	if err != nil {
		return err
	}

	if len(names) > 1 && names[0] == "proc" && names[1] == "thread-self" {
		return badValue("write /proc/self/task/*", "/proc/thread-self is a different place for each thread")
	}
	if op == opGlob {
		for _, name := range names {
			if err := checkGlob(name); err != nil {
				return locateIn(value, name, err)
			}
		}
		return nil
	}
	return checkNoStar(op, value)
}

// checkNoStar refuses a star where it would only be a star: its author meant a pattern.
func checkNoStar(op, value string) *valueError {
	if i := strings.IndexByte(value, '*'); i >= 0 {
		return badByte(i, "use glob; there a literal star is written [*]", "\"*\" has no meaning in %s", op)
	}
	return nil
}

// checkPathPart says whether a value can be the end of a location, or part of it. What can be in no location is a mistake
// of the rule's author.
func checkPathPart(op, value string) *valueError {
	if i := strings.IndexByte(value, 0); i >= 0 {
		return badByte(i, "", "path contains a NUL byte")
	}
	if op == opEndsWith && strings.HasSuffix(value, "/") {
		return badByte(len(value)-1, "leave it out", "no location ends with \"/\"")
	}

	names := strings.Split(value, "/")
	at := 0
	for i, name := range names {
		// The first and the last are whole names only if a slash, or the end, says so.
		whole := i > 0 && (i < len(names)-1 || op == opEndsWith)
		switch {
		case whole && (name == "" || name == "." || name == ".."):
			return badByte(at, "locations have neither \"//\" nor names \".\" and \"..\"", "no location can match %q", value)
		case len(name) > layout.MaxName:
			return badByte(at, "no file can have such a name", "a name of the path is %d bytes long, more than %d",
				len(name), layout.MaxName)
		}
		at += len(name) + 1
	}
	if len(names)-1 > layout.MaxDepth {
		return badValue("", "path has %d names, more than %d", len(names)-1, layout.MaxDepth)
	}
	return checkNoStar(op, value)
}

// maxAbstract is the longest name of an abstract Unix socket: sun_path without the NUL byte that it begins with.
const maxAbstract = 107

// checkAbstract says whether a value names an abstract Unix socket, as "@name". The name is one name, slashes included.
func checkAbstract(op, value string) *valueError {
	name := value[1:]
	switch {
	case name == "" || name == "**":
		return badValue("write @name, or @* in a glob for every abstract socket", "%q names no abstract socket", value)
	case len(name) > maxAbstract:
		return badValue("", "the name of the abstract socket is %d bytes long, more than %d", len(name), maxAbstract)
	case op == opStartsWith:
		return badByte(0, "use glob, as @name*", "an abstract socket has one name, so starts_with would be equals")
	case op == opGlob:
		if err := checkGlob(name); err != nil {
			return locateIn(value, name, err)
		}
		return nil
	}
	return checkNoStar(op, value)
}

// locateIn moves the fault's offset from a part to the whole value it stands in.
func locateIn(value, part string, err *valueError) *valueError {
	if i := strings.Index(value, part); i >= 0 && err.offset >= 0 {
		err.offset += i
	}
	return err
}
