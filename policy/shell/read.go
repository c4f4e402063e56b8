// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Limits of what is read. A string beyond them is not read in part: what is left out may be what matters.
const (
	MaxBytes  = 64 << 10 // of a string
	maxDepth  = 8        // strings within strings
	maxParts  = 4096
	maxNested = 400 // brackets of any kind that are open at once; the grammar is read recursively
)

// SyntaxError says that a string is no shell.
type SyntaxError struct {
	Line, Col int
	Msg       string
}

// Error writes "line:col: message".
func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Msg) }

// reader gathers the parts of a string and of the strings within it.
type reader struct {
	dir   string // where relative names begin; "" when that is not known
	parts []Part
	full  bool // a limit was met
}

// source is one string that one shell reads, and what is known about it.
type source struct {
	*reader
	text      string
	depth     int
	via       string
	moved     bool            // the working directory is not dir any more
	path      bool            // PATH, or what else leads from a name to a program, is changed somewhere
	functions map[string]uint // functions that are certainly declared behind this offset
}

// Parse reads a string as bash would, started in the directory dir ("" if that is not known). The parts are in the order in
// which they are written. The error is a [*SyntaxError] when the string is no shell.
func Parse(text, dir string) ([]Part, error) {
	r := &reader{dir: dir}
	s := &source{reader: r, text: text}
	if err := s.read(syntax.LangBash); err != nil {
		return nil, err
	}
	if r.full {
		r.parts = append(r.parts, Part{Kind: Unknown, Text: "…", Line: 1, Col: 1, Why: "there is more than can be looked at"})
	}
	return r.parts, nil
}

// Argv is the parts of starting a program with these words, with no shell in between. What a wrapper among them starts is a
// part of its own.
func Argv(argv []string, dir string) []Part {
	r := &reader{dir: dir}
	s := &source{reader: r, text: ""}
	words := make([]word, len(argv))
	for i, a := range argv {
		words[i] = literalWord(a)
	}
	s.run(words, place{line: 1, col: 1}, 0, false)
	return r.parts
}

// read parses the string and visits what it says.
func (s *source) read(lang syntax.LangVariant) error {
	if len(s.text) > MaxBytes {
		return &SyntaxError{1, 1, fmt.Sprintf("the string has more than %d bytes", MaxBytes)}
	}
	if nested(s.text) > maxNested {
		return &SyntaxError{1, 1, fmt.Sprintf("more than %d brackets are open at once", maxNested)}
	}
	if i := strings.IndexByte(s.text, 0); i >= 0 {
		return &SyntaxError{1, i + 1, "NUL byte"}
	}
	file, err := syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(s.text), "")
	if err != nil {
		var at syntax.ParseError
		if errors.As(err, &at) {
			return &SyntaxError{int(at.Pos.Line()), int(at.Pos.Col()), at.Text}
		}
		var not syntax.LangError
		if errors.As(err, &not) {
			return &SyntaxError{int(not.Pos.Line()), int(not.Pos.Col()), fmt.Sprintf("%s is not a feature of this shell", not.Feature)}
		}
		return &SyntaxError{1, 1, err.Error()}
	}
	s.survey(file)
	s.visit(file)
	return nil
}

// nested is an upper bound of how many brackets, quotes left aside, are open at once.
func nested(text string) int {
	open, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[', '`', '!':
			open++
		case ')', '}', ']':
			open = max(open-1, 0)
		}
		most = max(most, open)
	}
	return most
}

// inner reads a string that the string hands to another shell, or to itself later.
func (s *source) inner(text, via string, posix bool, at place) {
	if s.depth+1 >= maxDepth {
		s.unknown(at, text, "more than %d strings within strings", maxDepth)
		return
	}
	in := &source{reader: s.reader, text: text, depth: s.depth + 1, via: joinVia(s.via, via), moved: s.moved, path: s.path}
	before := len(s.parts)
	err := in.read(syntax.LangBash)
	if posix {
		err = in.alsoPOSIX(before, err)
	}
	if err != nil {
		s.unknown(at, text, "%s cannot read it: %s", via, err)
	}
}

// alsoPOSIX reads a string for sh a second time: which shell that is differs from host to host, and what is arithmetic for
// one can be a command for the other. What only the second reading finds is added.
func (s *source) alsoPOSIX(before int, first error) error {
	found := s.parts[before:len(s.parts):len(s.parts)]
	plain := &source{reader: &reader{dir: s.dir}, text: s.text, depth: s.depth, via: s.via, moved: s.moved, path: s.path}
	if plain.read(syntax.LangPOSIX) != nil {
		return first
	}
	s.full = s.full || plain.full
	for _, p := range plain.parts {
		known := false
		for _, q := range found {
			known = known || p.Kind == q.Kind && p.Line == q.Line && p.Col == q.Col && p.Text == q.Text && p.Cut == q.Cut
		}
		if !known {
			s.add(p)
		}
	}
	return nil
}

// joinVia adds a step to the way that leads to a part.
func joinVia(outer, step string) string {
	if outer == "" {
		return step
	}
	return outer + " > " + step
}

// place is where something stands in a string.
type place struct{ line, col int }

func at(n syntax.Node) place { return place{int(n.Pos().Line()), int(n.Pos().Col())} }

// slice is the source text of a node.
func (s *source) slice(n syntax.Node) string {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	if from > to || to > len(s.text) {
		return ""
	}
	return s.text[from:to]
}

// add adds a part.
func (s *source) add(p Part) {
	if len(s.parts) >= maxParts {
		s.full = true
		return
	}
	s.parts = append(s.parts, p)
}

// unknown adds a part that cannot be decided.
func (s *source) unknown(at place, text, why string, args ...any) {
	s.add(Part{Kind: Unknown, Text: text, Line: at.line, Col: at.col, Via: s.via, Why: fmt.Sprintf(why, args...)})
}

// absolute is where a name leads; false, with the reason, when that is not known.
func (s *source) absolute(name string) (string, string) {
	switch {
	case strings.HasPrefix(name, "/"):
		return path.Clean(name), ""
	case s.dir == "":
		return "", "it is a relative name, and the working directory is not known"
	case s.moved:
		return "", "it is a relative name, and the working directory is changed"
	}
	return path.Join(s.dir, name), ""
}
