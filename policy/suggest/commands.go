// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// interpreters do whatever their words say, so a rule about one of them without words would allow everything.
var interpreters = regexp.MustCompile(`^(sh|bash|dash|zsh|ksh|mksh|ash|fish|csh|tcsh|rbash|busybox|env|xargs|sudo|doas|su|nohup|nice|ionice|timeout|` +
	`setsid|stdbuf|time|watch|find|python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|node|nodejs|deno|bun|php[0-9.]*|lua[0-9.]*|awk|gawk|mawk|` +
	`npx|uvx|uv|make|docker|podman|ssh|systemd-run|unshare|nsenter|chroot|gdb|strace|ld.*\.so.*)$`)

// subcommand is a word that says what a program does, and no value.
var subcommand = regexp.MustCompile(`^[a-z][a-z0-9:_-]{0,30}$`)

// commandLine is what a rule about a command says.
type commandLine struct {
	op, value string
}

// commandRule reduces commands of one program to what rules say about them; why says why there is nothing to say.
func commandRule(program string, all []Event) (list []commandLine, why string) {
	name := path.Base(program)
	bySub := map[string][]Event{}
	for _, e := range all {
		sub := ""
		if len(e.Words) > 0 && subcommand.MatchString(e.Words[0]) {
			sub = e.Words[0]
		}
		bySub[sub] = append(bySub[sub], e)
	}
	for _, sub := range slices.Sorted(maps.Keys(bySub)) {
		events := bySub[sub]
		if line, ok := sameWords(program, events); ok {
			list = append(list, commandLine{"equals", line})
			continue
		}
		switch {
		case sub == "" && interpreters.MatchString(name):
			return nil, "a rule about " + name + " with any words would allow whatever they say"
		case sub == "":
			// Any words: that covers all others, too.
			return []commandLine{{"starts_with", program}}, ""
		default:
			list = append(list, commandLine{"starts_with", program + " " + sub})
		}
	}
	return list, ""
}

// sameWords is the one command line of the events, when it is known and can be written.
func sameWords(program string, events []Event) (string, bool) {
	first := events[0]
	for _, e := range events {
		if e.Cut || !slices.Equal(e.Words, first.Words) {
			return "", false
		}
	}
	for _, w := range first.Words {
		if w == "" || strings.ContainsAny(w, " \t*?[$") {
			return "", false
		}
	}
	return strings.Join(append([]string{program}, first.Words...), " "), true
}
