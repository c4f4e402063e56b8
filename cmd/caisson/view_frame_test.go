// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"caisson/daemon/api"
)

// text is a frame as it stands on the screen.
func text(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(l.text, " ") + "\n")
	}
	return b.String()
}

// frameRequests are one that several users must approve and one without a run, with times that do not move.
func frameRequests() []api.Approval {
	list := sampleRequests(viewStart)
	list[0].Message = "is the release out?"
	list[1].Deadline = viewStart.Add(10 * time.Second)
	return list
}

func TestFrame(t *testing.T) {
	for _, tc := range []struct {
		name          string
		columns, rows int
		keys          string
		want          string
	}{
		{"80x24", 80, 24, "", `2 requests to answer
  ID  AGENT         AGE      LEFT     RULE        SUBJECT
> r3  deploy-agent  1h05m    4h30m    ask-deploy  /usr/bin/npm run deploy
  r4  deploy-agent  0s       10s      ask-tmp     /tmp/\u001b[2J\u001b[1;1Hr1 …











r3  deploy-agent  shell_exec, exec  approved 1 of 2: anna (uid 1000, pid 77, p…
  /usr/bin/npm run deploy
message: is the release out?





a approve  r for the run  t 15 min  d deny  s details  j/k select  q quit
`},
		{"wide", 110, 10, "", `2 requests to answer
  ID  AGENT         AGE      LEFT     CALLS  RULE        SUBJECT
> r3  deploy-agent  1h05m    4h30m    2      ask-deploy  /usr/bin/npm run deploy
  r4  deploy-agent  0s       10s      1      ask-tmp     /tmp/\u001b[2J\u001b[1;1Hr1  root\u000d\u000ax\u202…

r3  deploy-agent  shell_exec, exec  approved 1 of 2: anna (uid 1000, pid 77, pts/3)
  /usr/bin/npm run deploy
message: is the release out?

a approve  r for the run  t 15 min  d deny  s details  j/k select  q quit
`},
		{"narrow", 30, 10, "j", `2 requests to answer
  ID  SUBJECT
  r3  /usr/bin/npm run deploy
> r4  /tmp/\u001b[2J\u001b[1…

r4  deploy-agent  file_read,…
  /tmp/\u001b[2J\u001b[1;1Hr1
  … it is longer: press s

a r t approve  d deny  s  q
`},
		{"reason", 40, 10, "jdno", `2 requests to answer
  ID  SUBJECT
  r3  /usr/bin/npm run deploy
> r4  /tmp/\u001b[2J\u001b[1;1Hr1  roo…

r4  deploy-agent  file_read, open
  /tmp/\u001b[2J\u001b[1;1Hr1  root\u00
  0d\u000ax\u202egnp\\
deny r4, reason: no_
Enter denies  Esc does not
`},
		{"too small", 20, 5, "", "20x5 is too small\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := newView()
			v.update(frameRequests(), viewStart.Add(-time.Minute))
			v.frame(80, 24, viewStart)
			for _, r := range tc.keys {
				v.keys([]key{{char: r}}, viewStart)
			}
			if got := text(v.frame(tc.columns, tc.rows, viewStart)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestFrameOfDetails(t *testing.T) {
	v := newView()
	v.update(frameRequests(), viewStart.Add(-time.Minute))
	v.frame(80, 24, viewStart)
	v.keys([]key{{char: 's'}}, viewStart)
	got := text(v.frame(80, 24, viewStart))
	for _, want := range []string{
		"\nrequest    r3\nsubject    /usr/bin/npm run deploy\n", "\nrun        aaaabbbbcccc\n", "\nmessage    is the release out?\n",
		"\napprovers  members of release, ops\n", "\nprocesses\n  42  \"agent\"\n    43  ", "\n      44  \"npm\\x1b[2J\"  exe",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestFrameHoldsHostileNames draws what agents may call things, in every size: no line is wider than the screen, and none
// has a character that a terminal acts on.
func TestFrameHoldsHostileNames(t *testing.T) {
	names := []string{
		hostileName, "", "\xff\xfe/bin", strings.Repeat("x", 5000), strings.Repeat("\x1b", 300), strings.Repeat("日", 300), strings.Repeat("e\u0301", 300),
		"\x9b2J\u009b1;1H", "/a\u2028\u2029\u200b\ufeff", "r1  root\x7f\b\b\b", "\U000e0041\u202e\u2066",
	}
	for _, columns := range []int{1, 2, 29, 30, 31, 50, 80, 200} {
		for _, rows := range []int{1, 9, 10, 11, 24, 60} {
			for _, page := range []string{"", "s", "d"} {
				v := newView()
				var list []api.Approval
				for i, name := range names {
					a := request(i)
					a.Subject, a.Rule, a.Message, a.Op, a.Agent = name, name, name, name, name
					a.Processes = []api.Process{{PID: 1, Comm: name, Exe: name, Command: name}}
					a.Approved, a.Quorum = []api.Person{{User: name, TTY: name}}, 2
					list = append(list, a)
				}
				v.update(list, viewStart)
				for range names {
					now := viewStart.Add(time.Minute)
					v.frame(columns, rows, now)
					for _, r := range page {
						v.keys([]key{{char: r}}, now)
					}
					checkFrame(t, v.frame(columns, rows, now), columns, rows)
					v.keys([]key{{name: keyEscape}}, now)
					v.keys([]key{{char: 'j'}}, now)
				}
			}
		}
	}
}

func checkFrame(t *testing.T, lines []line, columns, rows int) {
	t.Helper()
	if len(lines) > rows {
		t.Fatalf("%d lines in %d rows", len(lines), rows)
	}
	for i, l := range lines {
		if n := breadth(l.text); n > columns-1 {
			t.Fatalf("%dx%d: line %d takes %d columns: %q", columns, rows, i, n, l.text)
		}
		if strings.ContainsFunc(l.text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Fatalf("%dx%d: line %d is not escaped: %q", columns, rows, i, l.text)
		}
	}
}

// TestFrameFollowsTheCursor moves through a list that is longer than the screen, down and up.
func TestFrameFollowsTheCursor(t *testing.T) {
	v := newView()
	var list []api.Approval
	for i := range 100 {
		list = append(list, request(i))
	}
	v.update(list, viewStart)
	for i := range 2 * len(list) {
		selected := i
		move := 'j'
		if i >= len(list) {
			selected, move = 2*len(list)-1-i, 'k'
		}
		lines := v.frame(80, 24, viewStart)
		want := fmt.Sprintf("> r%d ", selected)
		if n := len(slices.DeleteFunc(slices.Clone(lines), func(l line) bool { return !strings.HasPrefix(l.text, want) })); n != 1 || v.selected != fmt.Sprintf("r%d", selected) {
			t.Fatalf("step %d: %s is selected, %d lines begin with %q", i, v.selected, n, want)
		}
		if i != len(list)-1 {
			v.keys([]key{{char: move}}, viewStart)
		}
	}
}
