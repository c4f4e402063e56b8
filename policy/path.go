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
	if i := strings.IndexByte(value, '*'); i >= 0 {
		return badByte(i, "use glob; there a literal star is written [*]", "\"*\" has no meaning in %s", op)
	}
	return nil
}

// locateIn moves the fault's offset from a part to the whole value it stands in.
func locateIn(value, part string, err *valueError) *valueError {
	if i := strings.Index(value, part); i >= 0 && err.offset >= 0 {
		err.offset += i
	}
	return err
}
