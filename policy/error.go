// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one fault of a policy file.
type Error struct {
	File string
	Pos
	Msg  string // what is wrong
	Hint string // what would be right; may be empty
}

// Error writes "file:line:col: message (hint)".
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Faults is what is wrong with a policy: the error of [Load], [Parse], [ParseWith] and [Policy.Bind] when the files could be
// read and not understood. It unwraps to its [Error] values, in the order of the files.
type Faults struct {
	Files []string // every file that was read, or should have been: who waits for the fault to be mended watches these
	List  []*Error
}

// Error writes one fault per line.
func (f *Faults) Error() string {
	lines := make([]string, len(f.List))
	for i, e := range f.List {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults one by one.
func (f *Faults) Unwrap() []error {
	errs := make([]error, len(f.List))
	for i, e := range f.List {
		errs[i] = e
	}
	return errs
}

const (
	// maxErrors is how many faults of one policy are reported together; more would only hide the first ones.
	maxErrors = 20
	// maxFaults is how many are collected before parsing stops. It is more than are reported because a file is not quite
	// read in its own order.
	maxFaults = 100
	// A file can be one long word: this is how much of a text from it, and how much of a message or a hint, is reported.
	maxQuoted = 200
	maxText   = 2000
)

// newFaults reports the faults in the order of the files.
func newFaults(files []string, list []*Error) *Faults {
	slices.SortStableFunc(list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return &Faults{Files: files, List: list[:min(len(list), maxErrors)]}
}

// clip bounds a text.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// message formats a message; strings, which may come from a file, are bounded.
func message(format string, args []any) string {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = clip(s, maxQuoted)
		}
	}
	return clip(fmt.Sprintf(format, args...), maxText)
}

// valueError is a fault inside the value of a condition.
type valueError struct {
	msg, hint string
	offset    int // byte of the value that is at fault; -1: all of it
}

func (e *valueError) Error() string {
	if e.hint == "" {
		return e.msg
	}
	return e.msg + " (" + e.hint + ")"
}

// badValue makes a [valueError] about the whole value.
func badValue(hint, format string, args ...any) *valueError {
	return &valueError{msg: message(format, args), hint: hint, offset: -1}
}

// badByte makes a [valueError] about one byte of the value.
func badByte(offset int, hint, format string, args ...any) *valueError {
	return &valueError{msg: message(format, args), hint: hint, offset: offset}
}

// nearest is the known word that s was probably meant to be; "" when none is near.
func nearest(s string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(s), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance is the number of single-byte edits between a and b, or a large number when they are hopelessly long.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}

	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
