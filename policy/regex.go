// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"regexp"
	"regexp/syntax"
)

// maxRegex is the longest regular expression, in bytes.
const maxRegex = 1024

// checkRegex says whether a value is an RE2 expression. Such expressions match in linear time, so that no subject that an
// agent chooses can keep the matcher busy.
func checkRegex(value string) *valueError {
	if len(value) > maxRegex {
		return badValue("write several rules, or a list", "the expression is %d bytes long, more than %d", len(value), maxRegex)
	}
	if _, err := compileRegex(value); err != nil {
		var s *syntax.Error
		if errors.As(err, &s) {
			return badValue("the syntax is RE2's, see https://golang.org/s/re2syntax", "%s: %q", s.Code, s.Expr)
		}
		return badValue("", "the expression cannot be compiled: %v", err)
	}
	return nil
}

// compileRegex makes the matcher of a regex condition: it matches only the whole of a subject, and "." is any character, a
// line feed included, which names can have.
func compileRegex(value string) (*regexp.Regexp, error) {
	// What stands between must be an expression of its own, or "a)|(b" would get rid of the anchors.
	if _, err := syntax.Parse(value, syntax.Perl); err != nil {
		return nil, err
	}
	return regexp.Compile(`\A(?s:` + value + `)\z`)
}
