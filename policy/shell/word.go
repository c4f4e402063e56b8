// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word is one word of a command.
type word struct {
	text   string // what the program gets, if it is known
	known  bool
	single bool   // it is one word, whatever its value: its expansions are quoted
	src    string // as it is written
}

// literalWord is a word that is known.
func literalWord(s string) word { return word{text: s, known: true, single: true, src: quote(s)} }

// words reads the words of a command.
func (s *source) words(list []*syntax.Word) []word {
	out := make([]word, len(list))
	for i, w := range list {
		out[i] = s.word(w)
	}
	return out
}

// word reads one word. An unquoted one is not known when the shell would make something else of it, or several words.
func (s *source) word(w *syntax.Word) word {
	out := word{known: true, single: true, src: s.slice(w)}
	var b strings.Builder
	for i, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			text, plain := unescape(p.Value, i == 0)
			out.known = out.known && plain
			out.single = out.single && plain
			b.WriteString(text)
		case *syntax.SglQuoted:
			out.known = out.known && !(p.Dollar && strings.Contains(p.Value, `\`))
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			known, single := s.quoted(&b, p)
			out.known, out.single = out.known && known, out.single && single
		default:
			out.known, out.single = false, false
		}
	}
	if out.known && hasBraces(w) {
		out.known, out.single = false, false
	}
	if out.text = b.String(); !out.known {
		out.text = ""
	}
	return out
}

// quoted reads a string in double quotes.
func (s *source) quoted(b *strings.Builder, q *syntax.DblQuoted) (known, single bool) {
	known, single = true, true
	for _, part := range q.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescapeQuoted(p.Value))
		case *syntax.ParamExp:
			known = false
			single = single && p.Param != nil && p.Param.Value != "@" && p.Index == nil && !p.Excl && p.Exp == nil
		default:
			known = false
		}
	}
	return known, single
}

// unescape takes the backslashes out of an unquoted literal; plain is false when the shell would put file names or a home
// directory in its place.
func unescape(v string, first bool) (text string, plain bool) {
	plain = !(first && strings.HasPrefix(v, "~"))
	var b strings.Builder
	open := false // a bracket, which only means something when it is closed
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && i+1 < len(v):
			i++
			if v[i] != '\n' {
				b.WriteByte(v[i])
			}
			continue
		case c == '*' || c == '?' || c == ']' && open:
			plain = false
		case c == '[':
			open = true
		}
		b.WriteByte(v[i])
	}
	return b.String(), plain
}

// unescapeQuoted takes the backslashes out of a literal in double quotes, where few of them mean anything.
func unescapeQuoted(v string) string {
	var b strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) && strings.IndexByte("$`\"\\\n", v[i+1]) >= 0 {
			i++
			if v[i] == '\n' {
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// hasBraces says whether a word becomes several by its braces, as a{b,c} does.
func hasBraces(w *syntax.Word) bool {
	for _, part := range w.Parts {
		if lit, ok := part.(*syntax.Lit); ok && strings.Contains(lit.Value, "{") {
			copied := &syntax.Word{Parts: append([]syntax.WordPart(nil), w.Parts...)}
			syntax.SplitBraces(copied)
			return slices.ContainsFunc(copied.Parts, func(p syntax.WordPart) bool {
				_, several := p.(*syntax.BraceExp)
				return several
			})
		}
	}
	return false
}

// quote writes a word so that a shell reads it as that word.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./:=@%+,-", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// show writes words for people.
func show(words []word) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.src)
	}
	return b.String()
}

// known are the texts of the words up to the first that is not known.
func known(words []word) (texts []string, cut bool) {
	for _, w := range words {
		if !w.known {
			return texts, true
		}
		texts = append(texts, w.text)
	}
	return texts, false
}
