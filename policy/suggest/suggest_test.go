// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"caisson/policy"
)

const current = `agent: a
rules:
  - name: no-tmp
    action: file_write
    conditions: { path: { starts_with: /tmp/x } }
    effect: DENY
  - { name: have, action: file_read, conditions: { path: { starts_with: /have } }, effect: ALLOW }
# the end
`

func policyOf(text string) Policy {
	return Policy{File: "a.yaml", Text: text, Load: func(text string) (*policy.Policy, error) { return policy.Parse("a.yaml", []byte(text)) }}
}

// event makes an event of a line: an action and its subject. An "…" ends the words that are known.
func event(t testing.TB, id int, line string) Event {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	e := Event{ID: uint64(id), Text: line, Path: rest}
	var err error
	switch verb {
	case "read":
		e.Subject, err = policy.PathSubject(policy.FileRead, rest)
	case "write":
		e.Subject, err = policy.PathSubject(policy.FileWrite, rest)
	case "exec":
		words := strings.Fields(rest)
		if e.Cut = words[len(words)-1] == "…"; e.Cut {
			words = words[:len(words)-1]
		}
		e.Path, e.Words = words[0], words[1:]
		e.Subject, _, err = policy.ArgvSubject(policy.Env{}, words, e.Cut)
	case "unix":
		e.Proto = "unix"
		e.Subject, err = policy.UnixSubject(rest)
	default:
		at := netip.MustParseAddrPort(rest)
		e.Path, e.Proto, e.Addr, e.Port = "", verb, at.Addr(), at.Port()
		e.Subject, err = policy.AddressSubject(rest, verb)
	}
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return e
}

func events(t testing.TB, lines ...string) []Event {
	var out []Event
	for i, line := range lines {
		out = append(out, event(t, i, line))
	}
	return out
}

// rulesOf writes what rules say, one per line.
func rulesOf(s *Suggestion) string {
	var out []string
	for _, r := range s.Rules {
		if r.Effect == policy.Deny {
			continue
		}
		var tests []string
		for _, t := range r.Tests {
			tests = append(tests, t.Field+" "+t.Op+" "+strings.Join(t.Values, "|"))
		}
		out = append(out, r.Action.String()+": "+strings.Join(tests, ", "))
	}
	return strings.Join(out, "\n")
}

// TestFind says which rules come of which events.
func TestFind(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []string
		want   []string
		left   int
		secret int
	}{
		{"nothing", nil, nil, 0, 0},
		{"allowed already", []string{"read /have/x"}, nil, 0, 0},
		{"denied by a rule", []string{"write /tmp/x/y"}, nil, 1, 0},
		{"two files", []string{"read /p/a/1", "read /p/a/2"}, []string{"file_read: path equals /p/a/1|/p/a/2"}, 0, 0},
		{"three are a directory", []string{"read /p/a/1", "read /p/a/2", "read /p/a/3"}, []string{"file_read: path starts_with /p/a"}, 0, 0},
		{"and what lies deeper", []string{"read /p/a/1", "read /p/a/2", "read /p/a/3", "read /p/a/b/c/d", "read /p/a"}, []string{"file_read: path starts_with /p/a"}, 0, 0},
		{"three directories are one", []string{"read /p/s/a/1", "read /p/s/a/2", "read /p/s/a/3", "read /p/s/b/1", "read /p/s/b/2", "read /p/s/b/3", "read /p/s/c"},
			[]string{"file_read: path starts_with /p/s"}, 0, 0},
		{"not all of /etc", []string{"read /etc/a", "read /etc/b", "read /etc/c", "read /etc/d"}, []string{"file_read: path equals /etc/a|/etc/b|/etc/c|/etc/d"}, 0, 0},
		{"nor a home", []string{"read /home/u/a", "read /home/u/b", "read /home/u/c"}, []string{"file_read: path equals /home/u/a|/home/u/b|/home/u/c"}, 0, 0},
		{"nor all homes", []string{"read /home/a", "read /home/b", "read /home/c"}, []string{"file_read: path equals /home/a|/home/b|/home/c"}, 0, 0},
		{"nor /usr", []string{"read /usr/a", "read /usr/b", "read /usr/c"}, []string{"file_read: path equals /usr/a|/usr/b|/usr/c"}, 0, 0},
		{"nor the root", []string{"read /a", "read /b", "read /c"}, []string{"file_read: path equals /a|/b|/c"}, 0, 0},
		{"reading is not writing", []string{"read /p/a/1", "read /p/a/2", "write /p/a/3"}, []string{"file_read: path equals /p/a/1|/p/a/2", "file_write: path equals /p/a/3"}, 0, 0},
		{"secrets", []string{"read /home/u/.ssh/id_rsa", "read /p/a/server.pem", "read /p/.env", "read /etc/shadow", "read /etc/caisson/policies/x", "read /p/x"},
			[]string{"file_read: path equals /p/x"}, 0, 5},
		{"what no rule can spell", []string{"read /p/a\x01b", "read /p/*", "read /p/\xff", "read /p/x"}, []string{"file_read: path equals /p/x"}, 3, 0},
		{"a command", []string{"exec /usr/bin/git status"}, []string{"shell_exec: command equals /usr/bin/git status"}, 0, 0},
		{"several words behind one", []string{"exec /usr/bin/git log -1", "exec /usr/bin/git log …"}, []string{"shell_exec: command starts_with /usr/bin/git log"}, 0, 0},
		{"each first word", []string{"exec /usr/bin/npm test", "exec /usr/bin/npm run …"}, []string{"shell_exec: command equals /usr/bin/npm test", "shell_exec: command starts_with /usr/bin/npm run"}, 0, 0},
		{"any words of a tool", []string{"exec /usr/bin/ls …"}, []string{"shell_exec: command starts_with /usr/bin/ls"}, 0, 0},
		{"not of an interpreter", []string{"exec /usr/bin/python3.12 …", "exec /usr/bin/bash -c …"}, nil, 2, 0},
		{"places", []string{"tcp 192.0.2.1:443", "tcp 192.0.2.2:443", "udp 192.0.2.1:53", "tcp 192.0.2.1:443"},
			[]string{"network: address equals 192.0.2.1|192.0.2.2, port equals 443, protocol equals tcp", "network: address equals 192.0.2.1, port equals 53, protocol equals udp"}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := Find(policyOf(current), events(t, tc.events...), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := rulesOf(s), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if len(s.Left) != tc.left || len(s.Secrets) != tc.secret {
				t.Errorf("left %v, secrets %v", s.Left, s.Secrets)
			}
		})
	}
}

// TestSecrets are suggested only when that is asked for, one by one.
func TestSecrets(t *testing.T) {
	list := events(t, "read /p/k/a.pem", "read /p/k/b.pem", "read /p/k/c.pem")
	s, err := Find(policyOf(current), list, Options{Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := rulesOf(s), "file_read: path equals /p/k/a.pem|/p/k/b.pem|/p/k/c.pem"; got != want || s.Covered != 3 {
		t.Errorf("got %s, covered %d", got, s.Covered)
	}
}

// TestProperties: with the suggestion applied, every event that it covers is allowed and no secret is; and no rule of it can
// be left out.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	dirs := []string{"/p/a", "/p/a/b", "/p/c", "/home/u", "/home/u/w", "/etc", "/etc/app", "/usr/share/x", "/tmp", "/tmp/x", "/srv/data/in"}
	names := []string{"1", "2", "3", "4", "x.go", "y.go", ".env", "k.pem", "id_rsa", "tokens", "it's"}
	commands := []string{"/usr/bin/git status", "/usr/bin/git log …", "/usr/bin/npm test", "/usr/bin/npm run build", "/usr/bin/ls …", "/usr/bin/ls -l", "/usr/bin/cat …"}
	for round := range 60 {
		var lines []string
		for range 1 + r.IntN(25) {
			dir := dirs[r.IntN(len(dirs))]
			switch r.IntN(5) {
			case 0:
				lines = append(lines, "exec "+commands[r.IntN(len(commands))])
			case 1:
				lines = append(lines, fmt.Sprintf("tcp 192.0.2.%d:%d", r.IntN(3), 443+r.IntN(2)))
			case 2:
				lines = append(lines, "write "+dir+"/"+names[r.IntN(len(names))])
			default:
				lines = append(lines, "read "+dir+"/"+names[r.IntN(len(names))])
			}
		}
		slices.Sort(lines)
		list := events(t, slices.Compact(lines)...)
		p := policyOf(current)
		s, err := Find(p, list, Options{})
		if err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, strings.Join(lines, "\n"))
		}
		prove(t, p, s, list)
	}
}

// prove checks the properties of one suggestion.
func prove(t *testing.T, p Policy, s *Suggestion, list []Event) {
	t.Helper()
	text, err := Apply(p.Text, s.Rules)
	if err != nil {
		t.Fatal(err)
	}
	_, j, err := p.judge(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var covered []Event
	for _, e := range list {
		left := slices.ContainsFunc(s.Left, func(l Left) bool { return l.Event.ID == e.ID })
		secret := slices.ContainsFunc(s.Secrets, func(o Event) bool { return o.ID == e.ID })
		effect := j.Decide(e.Subject).Effect
		if allowed := effect == policy.Allow; allowed == (left || secret) {
			t.Errorf("%s is %s, left %v, secret %v\n%s", e.Text, effect, left, secret, text)
		}
		if !left && !secret {
			covered = append(covered, e)
		}
	}
	if len(covered) != s.Covered {
		t.Errorf("%d events are covered, it says %d", len(covered), s.Covered)
	}
	noSecrets(t, s, j, text)

	for i, rule := range s.Rules {
		if rule.Effect == policy.Deny {
			continue
		}
		fewer, err := Apply(p.Text, slices.Delete(slices.Clone(s.Rules), i, i+1))
		if err != nil {
			t.Fatal(err)
		}
		_, k, err := p.judge(fewer)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(covered, func(e Event) bool { return k.Decide(e.Subject).Effect != policy.Allow }) {
			t.Errorf("rule %s is not needed\n%s", rule.Name, text)
		}
	}
}

// noSecrets asks for what looks like a secret in every directory that became readable or writable.
func noSecrets(t *testing.T, s *Suggestion, j *policy.Judge, text string) {
	t.Helper()
	for _, rule := range s.Rules {
		for _, test := range rule.Tests {
			if rule.Effect != policy.Allow || test.Op != "starts_with" || test.Field != "path" {
				continue
			}
			for _, dir := range test.Values {
				for _, below := range []string{".ssh", ".ssh/id_rsa", "deep/down/.aws/credentials", "x/server.key", "x/server.pem", ".env", ".env.local",
					"my-secrets.txt", "a/.gnupg/x", "tokens", "b/id_ed25519", "credentials.json", "x/private/y"} {
					e, err := policy.PathSubject(rule.Action, dir+"/"+below)
					if err != nil {
						t.Fatal(err)
					}
					if j.Decide(e).Effect == policy.Allow || !Secret(dir+"/"+below) {
						t.Errorf("%s/%s is allowed, or does not look like a secret\n%s", dir, below, text)
					}
				}
			}
		}
	}
}

// texts are policies as people write them, whose lists end in different ways.
var texts = map[string]string{
	"plain": current, "empty": "agent: a\nrules: []\n", "empty and more": "rules: [] # none yet\nagent: a\n",
	"no indentation":  "agent: a\nrules:\n- name: r\n  action: file_read\n  conditions: { path: { equals: /r } }\n  effect: DENY\nmode: enforce\n",
	"no line feed":    "agent: a\nrules:\n  - { name: r, action: file_read, conditions: { path: { equals: /r } }, effect: DENY }",
	"empty, no feed":  "agent: a\nrules: []",
	"tests behind":    "agent: a\nrules:\n    - name: r\n      action: file_read\n      effect: DENY\n      conditions:\n        path:\n          equals: /r\n\n# tests\ntests:\n  - { name: t, read: /r, expect: DENY }\n",
	"rules in quotes": "\"rules\":\n  # first\n  - { name: suggested-read-files, action: file_read, conditions: { path: { equals: /r } }, effect: DENY }\n  # last\nagent: a\n",
}

// TestPatch: patch and git apply take the diff, and make of the text what Apply makes of it.
func TestPatch(t *testing.T) {
	list := events(t, "read /p/x", "exec /usr/bin/git status", "tcp 192.0.2.1:443", "read /q/a/1", "read /q/a/2", "read /q/a/3")
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			p := policyOf(text)
			s, err := Find(p, list, Options{})
			if err != nil {
				t.Fatal(err)
			}
			prove(t, p, s, list)
			want, err := Apply(text, s.Rules)
			if err != nil {
				t.Fatal(err)
			}
			diff, err := Diff("/etc/a.yaml", text, s.Rules)
			if err != nil {
				t.Fatal(err)
			}
			for _, tool := range [][]string{{"patch", "-p1", "-s", "-i", "../diff"}, {"git", "apply", "../diff"}} {
				applied(t, tool, text, diff, want)
			}
		})
	}
}

// applied applies a diff with a tool. A tool that is not installed shows nothing; git is part of what the build needs.
func applied(t *testing.T, tool []string, text, diff, want string) {
	t.Helper()
	if _, err := exec.LookPath(tool[0]); err != nil && tool[0] != "git" {
		t.Logf("%s is not installed", tool[0])
		return
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "etc/a.yaml")
	for name, content := range map[string]string{file: text, filepath.Join(dir, "diff"): diff} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool[0], tool[1:]...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", tool[0], err, out, diff)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s made, %v:\n%s\nwant:\n%s", tool[0], err, got, want)
	}
}

// TestFlowStyle is refused: a patch would have to take the list apart.
func TestFlowStyle(t *testing.T) {
	text := "agent: a\nrules: [ { name: r, action: file_read, conditions: { path: { equals: /r } }, effect: DENY } ]\n"
	if _, err := Find(policyOf(text), events(t, "read /p/x"), Options{}); err == nil {
		t.Error("rules in flow style are changed")
	}
}
