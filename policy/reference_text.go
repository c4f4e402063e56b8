// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"slices"
	"strings"

	"caisson/bpf/layout"
)

// once remembers answers.
func once(f func(k int) bool) func(k int) bool {
	known := map[int]bool{}
	return func(k int) bool {
		v, ok := known[k]
		if !ok {
			v = f(k)
			known[k] = v
		}
		return v
	}
}

// open is the reading of a condition of which only the value at the end counts.
func open(now func(k int) bool) specTest {
	now = once(now)
	return specTest{reading: func(k int) (truth, truth, truth) {
		if now(k) {
			return yes, no, yes
		}
		return no, no, yes
	}}
}

// locationTest is ends_with, contains or regex on the string of a location.
func (f *referee) locationTest(c Condition) specExpr {
	location := func(k int) string {
		var names []string
		for _, t := range f.tokens[:k] {
			names = append(names, t.text)
		}
		return "/" + strings.Join(names, "/")
	}
	pieces := strings.Split(c.Value, "/")
	first, last := pieces[0], pieces[len(pieces)-1]
	switch c.Op {
	case "ends_with":
		if f.deferring && len(first) > layout.PatternBytes && possibleText(pieces) {
			return f.behind(nil, nil)
		}
		return open(func(k int) bool { return strings.HasSuffix(location(k), c.Value) })
	case "contains":
		if f.deferring && max(len(first), len(last)) > layout.PatternBytes && possibleText(pieces) {
			return f.behind(nil, nil)
		}
		return open(func(k int) bool { return strings.Contains(location(k), c.Value) })
	}

	re, err := regexp.Compile(`\A(?s:` + c.Value + `)\z`)
	if err != nil {
		return specConstant(no)
	}
	matches := func(k int) bool { return re.MatchString(location(k)) }
	sure, whole := sureText(c.Value)
	if whole {
		return open(matches)
	}
	names := strings.Split(sure, "/")
	if sure != "" && names[0] != "" {
		return specConstant(no)
	}
	return f.behind(tokensOf(names[min(1, len(names)):max(len(names)-1, 1)]), matches)
}

// possibleText says whether text between slashes is that of a name.
func possibleText(pieces []string) bool {
	for i, piece := range pieces {
		if len(piece) > layout.MaxName || piece == "" && i > 0 && i < len(pieces)-1 {
			return false
		}
	}
	return true
}

// wordsTest is ends_with, contains or regex on a command.
func (f *referee) wordsTest(c Condition) specExpr {
	separator := slices.IndexFunc(f.tokens, func(t token) bool { return t.separator })
	words := func(k int) (list []string) {
		for _, t := range f.tokens[separator+1 : k] {
			list = append(list, t.text)
		}
		return list
	}
	want := strings.Fields(c.Value)
	switch c.Op {
	case "ends_with":
		return open(func(k int) bool {
			if k <= separator {
				return false
			}
			have := words(k)
			return len(have) >= len(want) && slices.Equal(have[len(have)-len(want):], want)
		})
	case "contains":
		return specTest{reading: func(k int) (truth, truth, truth) {
			if k > separator {
				have := words(k)
				for i := 0; i+len(want) <= len(have); i++ {
					if slices.Equal(have[i:i+len(want)], want) {
						return yes, yes, yes
					}
				}
			}
			return no, no, yes
		}}
	}
	return f.lineTest(c, separator, words)
}

// lineTest is a regex on the canonical command line.
func (f *referee) lineTest(c Condition, separator int, words func(k int) []string) specExpr {
	re, err := regexp.Compile(`\A(?s:` + c.Value + `)\z`)
	if err != nil {
		return specConstant(no)
	}
	return f.behind(sureTokens(c.Value), func(k int) bool {
		if k <= separator {
			return false
		}
		line := "/"
		for i, t := range f.tokens[:separator] {
			if i > 0 {
				line += "/"
			}
			line += t.text
		}
		line = quoted(line)
		for _, word := range words(k) {
			line += " " + quoted(word)
		}
		return re.MatchString(line)
	})
}

// sureTokens are the tokens with which every command begins that an expression matches.
func sureTokens(expression string) []token {
	sure, _ := sureText(expression)
	if !strings.HasPrefix(sure, "/") {
		return nil
	}
	program, more, ended := strings.Cut(sure, " ")
	names := strings.Split(program, "/")[1:]
	if !ended {
		return tokensOf(names[:len(names)-1])
	}
	tokens := append(tokensOf(names), token{text: "/", separator: true})
	for {
		word, after, ended := strings.Cut(more, " ")
		if !ended || !plain.MatchString(word) {
			return tokens
		}
		tokens, more = append(tokens, token{text: word}), after
	}
}

// plain are the words that need no quotes.
var plain = regexp.MustCompile(`\A[A-Za-z0-9_./:=@%+,-]+\z`)

// quoted is a word as the canonical command line has it.
func quoted(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// sureText is the text with which everything that the whole expression matches begins, and whether that is all of it.
func sureText(expression string) (string, bool) {
	re, err := regexp.Compile(strings.TrimSuffix(strings.TrimPrefix(expression, "^"), "$"))
	if err != nil {
		re = regexp.MustCompile(expression)
	}
	return re.LiteralPrefix()
}

// behind is a condition that only what begins with some tokens can meet; behind them it depends on the whole subject, and an
// image cannot tell.
func (f *referee) behind(start []token, now func(k int) bool) specExpr {
	if now != nil {
		now = once(now)
	}
	for _, t := range start {
		if t.text == "" || len(t.text) > layout.MaxName {
			return specConstant(no)
		}
	}
	return specTest{reading: func(k int) (truth, truth, truth) {
		n := min(k, len(start))
		switch {
		case !slices.Equal(f.tokens[:n], start[:n]):
			return no, no, no
		case f.deferring && k >= len(start):
			return maybe, maybe, maybe
		case !f.deferring && now(k):
			return yes, no, yes
		}
		return no, no, yes
	}}
}

// tokensOf makes tokens of names.
func tokensOf(names []string) []token {
	var out []token
	for _, name := range names {
		out = append(out, token{text: name})
	}
	return out
}
