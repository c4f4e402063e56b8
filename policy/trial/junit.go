// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Suite is the outcomes of one file.
type Suite struct {
	Name string
	List []Outcome
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes outcomes in the form that continuous integration reads.
func WriteJUnit(w io.Writer, suites []Suite) error {
	var all junitSuites
	for _, s := range suites {
		one := junitSuite{Name: plainText(s.Name), Tests: len(s.List)}
		for _, o := range s.List {
			c := junitCase{Class: plainText(s.Name), Name: plainText(o.Case.Name), Time: fmt.Sprintf("%.6f", o.Took.Seconds())}
			if o.Failed {
				at := fmt.Sprintf("%s:%d:%d", o.Case.File, o.Case.Pos.Line, o.Case.Pos.Col)
				m := &junitMessage{Message: plainText(o.Difference()), Text: plainText(at + ": " + o.Difference())}
				if o.Err != nil {
					c.Error = m
					one.Errors++
				} else {
					c.Failure = m
					one.Failures++
				}
			}
			one.Cases = append(one.Cases, c)
		}
		all.Tests += one.Tests
		all.Failures += one.Failures + one.Errors
		all.Suites = append(all.Suites, one)
	}

	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(text)+"\n"); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return nil
}

// plainText leaves only what XML 1.0 can hold, and marks the rest.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0xfffe || r == 0xffff {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}
