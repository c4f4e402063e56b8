// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"
)

// wrapper says how to find, in the words of a program, the command that it starts. An option that is not listed is not
// understood, and then it is not known what is started.
type wrapper struct {
	plain  string // options of one letter without a value
	valued string // with a value, attached or in the next word
	tail   string // with a value that can only be attached
	stop   string // with which no command is started
	opaque string // with which something else is started

	longPlain  []string // long options without a value, or with one after "="
	longValued []string // with a value, after "=" or in the next word
	longStop   []string
	longOpaque []string

	before  int    // words before the command
	assigns bool   // NAME=value before the command
	number  bool   // -5 is an option
	dash    bool   // "-" alone is an option
	more    bool   // it adds words to the command
	replace string // option whose value, in a word of the command, stands for something else
	none    []string
}

var helpers = []string{"--help", "--version"}

// wrappers are the programs that are there to start another. They are programs themselves: the kernel asks about both.
var wrappers = map[string]wrapper{
	"sudo": {plain: "AbBEHKknNPS", valued: "CDghpRrtTUu", stop: "VvlhK", opaque: "eis", assigns: true,
		longPlain: []string{"--askpass", "--background", "--bell", "--preserve-env", "--set-home", "--non-interactive", "--preserve-groups",
			"--stdin", "--reset-timestamp", "--no-update"},
		longValued: []string{"--close-from", "--chdir", "--group", "--host", "--prompt", "--chroot", "--role", "--type", "--command-timeout",
			"--other-user", "--user"},
		longStop:   []string{"--validate", "--list", "--remove-timestamp"},
		longOpaque: []string{"--edit", "--login", "--shell"}},
	"doas": {plain: "n", valued: "uaC", stop: "L", opaque: "s"},
	"env": {plain: "i0v", valued: "uC", opaque: "S", assigns: true, dash: true,
		longPlain: []string{"--ignore-environment", "--null", "--debug", "--block-signal", "--default-signal", "--ignore-signal",
			"--list-signal-handling"},
		longValued: []string{"--unset", "--chdir"}, longOpaque: []string{"--split-string"}},
	"xargs": {plain: "0oprtx", valued: "adELIJnPs", tail: "eil", more: true, replace: "I", none: []string{"echo"},
		longPlain: []string{"--null", "--open-tty", "--interactive", "--no-run-if-empty", "--verbose", "--exit", "--show-limits", "--eof",
			"--max-lines"},
		longValued: []string{"--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-chars", "--process-slot-var"},
		longOpaque: []string{"--replace"}},
	"timeout": {plain: "fpv", valued: "ks", before: 1,
		longPlain: []string{"--foreground", "--preserve-status", "--verbose"}, longValued: []string{"--kill-after", "--signal"}},
	"nice":   {valued: "n", number: true, longValued: []string{"--adjustment"}},
	"nohup":  {},
	"ionice": {plain: "t", valued: "cn", stop: "pPu", longPlain: []string{"--ignore"}, longValued: []string{"--class", "--classdata"}, longStop: []string{"--pid", "--pgid", "--uid"}},
	"setsid": {plain: "cfw", longPlain: []string{"--ctty", "--fork", "--wait"}},
	"stdbuf": {valued: "ioe", longValued: []string{"--input", "--output", "--error"}},
	"time": {plain: "apvq", valued: "fo", longPlain: []string{"--append", "--portability", "--verbose", "--quiet"},
		longValued: []string{"--format", "--output"}},
	"taskset": {plain: "ac", stop: "p", before: 1, longPlain: []string{"--all-tasks", "--cpu-list"}, longStop: []string{"--pid"}},
	"chrt": {plain: "abdfiorRv", valued: "TPD", stop: "mp", before: 1, longPlain: []string{"--batch", "--deadline", "--fifo", "--idle", "--other",
		"--rr", "--reset-on-fork", "--verbose"}, longValued: []string{"--sched-runtime", "--sched-period", "--sched-deadline"},
		longStop: []string{"--max", "--pid"}},
}

// unwrap finds the command among the words behind a wrapper's name. Why says why it is not known; path that PATH is changed.
func (w wrapper) unwrap(name string, words []word) (rest []word, path bool, why string) {
	replaced := ""
	for len(words) > 0 {
		if !words[0].known {
			return nil, false, "the words of " + name + " are only known when it runs"
		}
		text := words[0].text
		switch {
		case text == "--":
			return w.command(name, words[1:], replaced)
		case text == "-" && w.dash, w.number && isNumber(strings.TrimLeft(text, "-+")) && strings.HasPrefix(text, "-"):
			words = words[1:]
		case strings.HasPrefix(text, "--"):
			n, end, why := w.long(name, text)
			if end || why != "" {
				return nil, false, why
			}
			words = words[min(n, len(words)):]
		case strings.HasPrefix(text, "-") && text != "-":
			o := w.short(name, text)
			if o.end || o.why != "" {
				return nil, false, o.why
			}
			if o.letter != "" && o.letter == w.replace {
				if replaced = o.value; o.next && len(words) > 1 {
					replaced = words[1].text
				}
			}
			if o.next && len(words) > 1 && !words[1].single {
				return nil, false, "the words of " + name + " are only known when it runs"
			}
			words = words[min(1+count(o.next), len(words)):]
		default:
			return w.command(name, words, replaced)
		}
	}
	return w.command(name, nil, replaced)
}

// long is how many words a long option takes.
func (w wrapper) long(name, text string) (n int, end bool, why string) {
	option, _, valued := strings.Cut(text, "=")
	switch {
	case slices.Contains(w.longPlain, option):
		return 1, false, ""
	case slices.Contains(w.longValued, option):
		return 1 + count(!valued), false, ""
	case slices.Contains(w.longStop, option) || slices.Contains(helpers, option):
		return 0, true, ""
	case slices.Contains(w.longOpaque, option):
		return 0, false, "what " + name + " " + option + " starts is not read"
	}
	return 0, false, "option " + option + " of " + name + " is not known here"
}

// option is what a word of short options means.
type option struct {
	letter string // the one with a value
	value  string // attached
	next   bool   // the value is the next word
	end    bool   // no command is started
	why    string
}

// short reads a word of short options.
func (w wrapper) short(name, text string) option {
	for i := 1; i < len(text); i++ {
		letter := text[i : i+1]
		switch {
		case strings.Contains(w.opaque, letter):
			return option{why: "what " + name + " -" + letter + " starts is not read"}
		case strings.Contains(w.valued, letter):
			return option{letter: letter, value: text[i+1:], next: i+1 == len(text)}
		case strings.Contains(w.tail, letter):
			if letter == "i" {
				return option{why: "what " + name + " -i puts into the command is not read"}
			}
			return option{}
		case strings.Contains(w.stop, letter):
			return option{end: true}
		case !strings.Contains(w.plain, letter):
			return option{why: "option -" + letter + " of " + name + " is not known here"}
		}
	}
	return option{}
}

// command is what stands behind the options.
func (w wrapper) command(name string, words []word, replaced string) (rest []word, path bool, why string) {
	for range w.before {
		if len(words) > 0 && !words[0].single {
			return nil, false, "the words of " + name + " are only known when it runs"
		}
		words = words[min(1, len(words)):]
	}
	for w.assigns && len(words) > 0 && words[0].known && strings.Contains(words[0].text, "=") {
		variable, _, _ := strings.Cut(words[0].text, "=")
		if slices.Contains(steering, variable) {
			return nil, false, "the value of " + variable + " may be run"
		}
		path = path || variable == "PATH"
		words = words[1:]
	}
	if len(words) == 0 {
		for _, text := range w.none {
			rest = append(rest, literalWord(text))
		}
	}
	for _, word := range words {
		if replaced != "" && strings.Contains(word.text, replaced) {
			word.known, word.single = false, false
		}
		rest = append(rest, word)
	}
	if w.more && replaced == "" && len(rest) > 0 {
		rest = append(rest, word{src: "…"})
	}
	return rest, path, ""
}

// wrapped returns what adds the parts of the command that a wrapper starts.
func (s *source) wrapped(name string, w wrapper, words []word, at place) func(*source) {
	return func(s *source) {
		rest, path, why := w.unwrap(name, words[1:])
		if why != "" {
			s.unknown(at, show(words), "%s", why)
			return
		}
		inside := *s
		inside.via, inside.path = joinVia(s.via, name), s.path || path
		inside.moved = s.moved || name == "env" || name == "sudo"
		inside.run(rest, at, 0, false)
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// isNumber says whether a text is digits.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
