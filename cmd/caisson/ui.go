// SPDX-License-Identifier: Apache-2.0

package main

// The contract of all text:
//
//   - Standard output is data: an answer, a table, JSON. Nothing else is written there, and an answer that could not be
//     written completely is an error.
//   - Standard error is everything else. An error is one line that starts with "caisson: ", begins in lower case and ends
//     without a period; what to do about it follows on a line that starts with "hint: ". A line that starts with "note: "
//     is no error.
//   - Colour is used only on a terminal, and not where NO_COLOR is set.
//   - Characters that would move the cursor, hide or turn text are escaped wherever they come from: no argument of the
//     printer reaches the output unescaped.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"caisson/audit"
)

// ui is the printer. It is used by one goroutine.
type ui struct {
	out    *bufio.Writer
	err    io.Writer
	color  bool
	broken error // the first error of writing to out
}

func newUI(stdout, stderr *os.File) *ui {
	return &ui{out: bufio.NewWriter(stdout), err: stderr, color: colorful(stdout)}
}

// colorful says whether a file is a terminal that should be given colours.
func colorful(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	return isTerminal(f)
}

// printf writes data. The format is ours; the arguments are escaped.
func (u *ui) printf(format string, args ...any) { u.text(fmt.Sprintf(format, clean(args)...)) }

// text writes what is escaped already.
func (u *ui) text(s string) {
	if _, err := u.out.WriteString(s); err != nil && u.broken == nil {
		u.broken = err
	}
}

// flush writes out what is buffered, and returns the first error of all writing.
func (u *ui) flush() error {
	if err := u.out.Flush(); err != nil && u.broken == nil {
		u.broken = err
	}
	if u.broken != nil {
		return fmt.Errorf("writing output: %w", u.broken)
	}
	return nil
}

// note says something that is no error.
func (u *ui) note(format string, args ...any) {
	fmt.Fprintf(u.err, "note: "+format+"\n", clean(args)...)
}

// fail says what went wrong, one line for each of several joined errors, each with its remedy.
func (u *ui) fail(err error) {
	var with *exitError
	if err == nil || errors.As(err, &with) && with.err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && isJoin(err, joined.Unwrap()) {
		for _, e := range joined.Unwrap() {
			u.fail(e)
		}
		return
	}

	fmt.Fprintf(u.err, "caisson: %s\n", visible(err.Error()))
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(u.err, "hint: %s\n", visible(hint))
	}
}

// isJoin tells errors.Join, whose text is that of its parts on lines of their own, from an error with several causes.
func isJoin(err error, parts []error) bool {
	texts := make([]string, len(parts))
	for i, e := range parts {
		texts[i] = e.Error()
	}
	return err.Error() == strings.Join(texts, "\n")
}

// prose is text of caisson's own, which may quote foreign bytes: it is escaped, but its backslashes stay single.
type prose string

// clean escapes what is to be printed. Numbers and booleans stay what they are.
func clean(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case prose:
			out[i] = visible(string(v))
		case error:
			out[i] = visible(v.Error())
		case fmt.Stringer:
			out[i] = audit.Sanitize(v.String())
		default:
			out[i] = arg
			if r := reflect.ValueOf(arg); r.Kind() == reflect.String {
				out[i] = audit.Sanitize(r.String())
			}
		}
	}
	return out
}

// visible is [audit.Sanitize] for text that is escaped in part already: it leaves backslashes alone.
func visible(s string) string {
	parts := strings.Split(s, `\`)
	for i, part := range parts {
		parts[i] = audit.Sanitize(part)
	}
	return strings.Join(parts, `\`)
}
