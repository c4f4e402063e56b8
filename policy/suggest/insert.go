// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"errors"
	"regexp"
	"strings"
)

// errFlow is a policy whose rules are not written one below the other.
var errFlow = errors.New("the rules of the policy are not a list with one \"- name: …\" below the other (write them so, and ask again)")

var rulesKey = regexp.MustCompile(`^(rules|"rules"|'rules')[ \t]*:[ \t]*(.*)$`)

// insertion is where rules go: in place of the lines from at on, replaced of them.
type insertion struct {
	at       int      // index of a line
	replaced []string // lines that give way
	lines    []string // that come
}

// insert finds the place behind the last rule of a policy's text.
func insert(text []string, rules []Rule) (insertion, error) {
	key, rest := -1, ""
	for i, line := range text {
		if m := rulesKey.FindStringSubmatch(strings.TrimSuffix(line, "\r")); m != nil {
			key, rest = i, strings.TrimSpace(strings.SplitN(m[2]+" ", " #", 2)[0])
			break
		}
	}
	switch {
	case key < 0:
		return insertion{}, errFlow
	case rest == "[]":
		return insertion{at: key, replaced: text[key : key+1], lines: append([]string{"rules:"}, ruleLines(rules, 2)...)}, nil
	case rest != "" && !strings.HasPrefix(rest, "#"):
		return insertion{}, errFlow
	}

	indent, last := -1, key
	for i := key + 1; i < len(text); i++ {
		line := strings.TrimRight(text[i], " \t\r")
		body := strings.TrimLeft(line, " ")
		if body == "" || strings.HasPrefix(body, "#") {
			continue
		}
		depth := len(line) - len(body)
		if indent < 0 {
			if !strings.HasPrefix(body, "-") {
				return insertion{}, errFlow
			}
			indent = depth
		}
		if depth < indent || depth == indent && !strings.HasPrefix(body, "-") {
			break
		}
		last = i
	}
	if indent < 0 {
		return insertion{}, errFlow
	}
	return insertion{at: last + 1, lines: ruleLines(rules, indent)}, nil
}

func ruleLines(rules []Rule, indent int) []string {
	var out []string
	for i := range rules {
		out = append(out, rules[i].lines(indent)...)
	}
	return out
}

// Apply returns the text of the policy with the rules inserted behind its last one.
func Apply(text string, rules []Rule) (string, error) {
	lines, ended := splitLines(text)
	in, err := insert(lines, rules)
	if err != nil {
		return "", err
	}
	out := append([]string{}, lines[:in.at]...)
	out = append(out, in.lines...)
	out = append(out, lines[in.at+len(in.replaced):]...)
	joined := strings.Join(out, "\n")
	if ended || in.at+len(in.replaced) == len(lines) {
		joined += "\n"
	}
	return joined, nil
}

// splitLines splits a text; ended says whether its last line has its line feed.
func splitLines(text string) (lines []string, ended bool) {
	ended = strings.HasSuffix(text, "\n")
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), ended
}
