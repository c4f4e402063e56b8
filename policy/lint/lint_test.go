// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"caisson/policy"
	"caisson/policy/internal/small"
)

func parse(t *testing.T, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("f", []byte("agent: a\nbaseline: none\nrules:\n"+rules))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rule writes one rule.
func rule(name, action, conditions, effect string) string {
	return fmt.Sprintf("  - { name: %s, action: %s, conditions: %s, effect: %s }\n", name, action, conditions, effect)
}

var (
	testEnv = policy.Env{LookPath: func(word string) (string, bool) {
		path, ok := map[string]string{"npm": "/usr/lib/npm-cli.js", "ls": "/usr/bin/ls", "py": "/usr/bin/python3.11", "deploy": "/opt/deploy"}[word]
		return path, ok
	}}
	testHost = Host{
		Exists: func(path string) (bool, bool) { return !strings.Contains(path, "missing"), path != "/secret" },
		Head: func(path string) string {
			return map[string]string{"/opt/deploy": "#!/bin/sh\nexit 0\n"}[path]
		},
	}
)

func TestPolicy(t *testing.T) {
	cases := []struct {
		name, rules string
		want        []string // of each finding: code, rule, and a part of the message
	}{
		{"nothing to say", rule("r", "file_read", "{ path: { starts_with: /src } }", "ALLOW"), nil},
		{"covered by one", rule("wide", "file_read", "{ path: { starts_with: /src } }", "ALLOW") + rule("narrow", "file_read", "{ path: { equals: /src/a } }", "DENY"),
			[]string{"L01 narrow everything that it matches: wide"}},
		{"covered by two together", rule("one", "file_read", `{ path: { glob: "/src/a*" } }`, "ALLOW") + rule("dir", "file_read", "{ path: { equals: /src } }", "ALLOW") +
			rule("three", "file_read", "{ path: { equals: /src } }", "DENY") + rule("four", "file_read", `{ path: { glob: "/src/ab*c" } }`, "DENY"),
			[]string{"L01 three matches: dir", "L01 four matches: one"}},
		{"not covered", rule("one", "file_read", `{ path: { glob: "/src/a*" } }`, "ALLOW") + rule("two", "file_read", `{ path: { glob: "/src/*a" } }`, "DENY"), nil},
		{"covered ports and addresses", rule("lan", "network", "{ address: { equals: 10.0.0.0/8 } }", "ALLOW") +
			rule("low", "network", "{ address: { equals: 10.0.0.0/9 }, port: { equals: 22 } }", "DENY"), []string{"L01 low matches: lan"}},
		{"hosts are not taken for each other", rule("one", "network", "{ host: { equals: a.example } }", "ALLOW") + rule("two", "network", "{ host: { equals: b.example } }", "ALLOW"), nil},
		{"an IPv4 block does not cover a host", rule("v4", "network", "{ address: { equals: 0.0.0.0/0 }, port: { equals: 80 } }", "DENY") +
			rule("api", "network", "{ url: { equals: \"http://b.example\" } }", "ALLOW"), nil},
		{"covers the same command", rule("one", "shell_exec", "{ command: { starts_with: ls -l } }", "ALLOW") + rule("two", "shell_exec", "{ command: { equals: ls -l /tmp } }", "DENY"),
			[]string{"L01 two matches: one"}},
		{"conditions that exclude each other", rule("r", "file_read", "{ path: { starts_with: /a, not_in: [/a/b], equals: /c } }", "ALLOW"),
			[]string{"L02 r matches nothing"}},
		{"conditions that exclude each other by patterns", rule("r", "network", `{ port: { in: ["1-100"], not_equals: "1-1000" } }`, "ALLOW"),
			[]string{"L02 r matches nothing"}},
		{"host pattern", rule("r", "network", "{ host: { ends_with: .example.com } }", "ALLOW"), []string{"L22 r host ends_with .example.com"}},
		{"denial by negation", rule("r", "file_read", "{ path: { not_in: [/a, /b] } }", "DENY"), nil},
		{"a broad part of a conjunction", rule("r", "file_read", "{ path: { starts_with: /, equals: /a } }", "ALLOW"), nil},
		{"a broad part of a choice", rule("r", "file_read", "{ path: { in: [/a], starts_with: [/, /b] } }", "ALLOW"), nil},
		{"a broad one of several", rule("r", "network", "{ address: { in: [10.0.0.1, 0.0.0.0/0] } }", "ALLOW"), []string{"L04 r every IPv4"}},
		{"hidden behind a deferred one", rule("odd", "file_read", `{ path: { glob: "/src/[ab]" } }`, "DENY") + rule("x", "file_read", "{ path: { equals: /src/c } }", "ALLOW") +
			rule("any", "file_read", `{ path: { glob: "/src/*" } }`, "ALLOW"),
			[]string{"L08 odd cannot match", "L03 x comes first everywhere: odd", "L03 any comes first everywhere: odd"}},
		{"broad: no condition", "  - { name: r, action: file_read, effect: ALLOW }\n", []string{"L04 r allows every file_read", "L06 r file_read of"}},
		{"broad: from the root", rule("r", "file_read", "{ path: { starts_with: / } }", "ALLOW"), []string{"L06 r ", "L04 r every file"}},
		{"broad denials are good", rule("r", "file_read", "{ path: { starts_with: / } }", "DENY"), nil},
		{"broad: programs", rule("r", "shell_exec", `{ command: { glob: "/** **" } }`, "ALLOW"), []string{"L04 r every program"}},
		{"broad: addresses", rule("r", "network", "{ address: { equals: 0.0.0.0/0 } }", "ALLOW"), []string{"L04 r every IPv4 address"}},
		{"addresses at one port", rule("r", "network", "{ address: { equals: 0.0.0.0/0 }, port: { equals: 443 } }", "ALLOW"), nil},
		{"launcher", rule("r", "shell_exec", "{ command: { starts_with: npm test } }", "ALLOW"), []string{"L05 r npm starts other programs"}},
		{"launcher with a version", rule("r", "shell_exec", "{ command: { starts_with: py } }", "ALLOW"), []string{"L05 r py starts"}},
		{"script", rule("r", "shell_exec", "{ command: { starts_with: deploy } }", "ALLOW"), []string{"L05 r is a script (#!/bin/sh)"}},
		{"no launcher", rule("r", "shell_exec", "{ command: { starts_with: ls } }", "ALLOW"), nil},
		{"launcher that may start what it likes", "  - { name: r, action: shell_exec, conditions: { command: { equals: npm test } }, effect: ALLOW, descendants: allow }\n", nil},
		{"own files", rule("r", "file_write", "{ path: { starts_with: /etc } }", "ALLOW"), []string{"L06 r file_write of caisson's own /etc/caisson"}},
		{"own files excepted", rule("no", "file_read", "{ path: { starts_with: /etc/caisson } }", "DENY") + rule("r", "file_read", "{ path: { starts_with: /etc } }", "ALLOW"), nil},
		{"write and exec", rule("w", "file_write", "{ path: { starts_with: /work } }", "ALLOW") + rule("x", "shell_exec", `{ command: { glob: "/work/bin/* **" } }`, "ALLOW"),
			[]string{"L07 w writing /work/bin/x, which rule x allows"}},
		{"write and exec of everything", "  - { name: w, action: file_write, effect: ALLOW }\n  - { name: x, action: shell_exec, effect: ALLOW }\n",
			[]string{"L04 w ", "L06 w ", "L07 w writing /x, which rule x", "L04 x "}},
		{"write and exec apart", rule("no", "file_write", "{ path: { starts_with: /work/bin } }", "DENY") + rule("w", "file_write", "{ path: { starts_with: /work } }", "ALLOW") +
			rule("x", "shell_exec", `{ command: { glob: "/work/bin/* **" } }`, "ALLOW"), nil},
		{"expired", "  - { name: r, action: file_read, conditions: { path: { equals: /a } }, effect: ALLOW, expires: 2020-01-01T00:00:00Z }\n",
			[]string{"L09 r 2020-01-01T00:00:00Z"}},
		{"absent path", rule("r", "file_read", "{ path: { glob: \"/a/missing/*.c\" } }", "ALLOW"), []string{"L20 r /a/missing does not exist"}},
		{"absent program", rule("r", "shell_exec", "{ command: { equals: nothing } }", "ALLOW"), []string{"L20 r nothing is not on secure_path"}},
		{"a place nobody may look into", rule("r", "file_read", "{ path: { equals: /secret } }", "ALLOW"), nil},
		{"approval", rule("r", "file_read", "{ path: { equals: /a } }", "REQUIRE_APPROVAL"), nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			found, err := Policy(parse(t, tc.rules), testEnv, testHost)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, fmt.Sprintf("%s %s %s", f.Code, f.Rule, f.Message))
				if f.File != "f" || f.Pos.Line < 4 && f.Code != unchecked.ID || f.Remedy == "" {
					t.Errorf("finding without a place or a remedy: %+v", f)
				}
			}
			if len(got) != len(tc.want) {
				t.Fatalf("got %q, want %q", got, tc.want)
			}
			for i, want := range tc.want {
				w := strings.SplitN(want, " ", 3)
				if !strings.HasPrefix(got[i], w[0]+" "+w[1]+" ") || !strings.Contains(got[i], w[2]) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}

// TestNeverDecidesEqualsBruteForce runs every subject of a small alphabet on random policies: a rule that decides one of
// them must not be called covered, and every rule that is not called so must decide some subject that has been run.
func TestNeverDecidesEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	flagged, reached := 0, 0
	for range 400 {
		p := small.Policy(r)
		for i := range p.Rules {
			p.Rules[i].File = "f"
		}
		found, err := Policy(p, policy.Env{}, Host{})
		if err != nil {
			t.Fatal(err)
		}
		never := map[string]bool{}
		for _, f := range found {
			if f.Code == covered.ID || f.Code == unmatchable.ID || f.Code == hidden.ID {
				never[f.Rule] = true
				flagged++
			}
		}
		image, err := policy.Compile(p, policy.Env{})
		if err != nil {
			t.Fatal(err)
		}
		decided := map[string]bool{}
		for _, k := range small.Tested {
			for _, s := range small.Subjects(k) {
				if v := image.Run(s); v.Rule >= 0 {
					decided[p.Rules[v.Rule].Name] = true
				}
			}
			e := policy.Exploration{Kind: k, Sides: []policy.Side{{Image: policy.NewAutomaton(image.Runner), Kind: k}}}
			e.Each(func(place *policy.Place) bool {
				if place.Real && image.Run(place.Subject()).Rule >= 0 {
					decided[p.Rules[image.Run(place.Subject()).Rule].Name] = true
				}
				return true
			})
		}
		for _, rule := range p.Rules {
			if decided[rule.Name] == never[rule.Name] {
				t.Fatalf("rule %s decides: %v, is said never to: %v\n%+v", rule.Name, decided[rule.Name], never[rule.Name], p.Rules)
			}
			if decided[rule.Name] {
				reached++
			}
		}
	}
	if flagged < 50 || reached < 200 {
		t.Errorf("%d rules never decide, %d do", flagged, reached)
	}
}

// TestTooLargeForExactChecks says so instead of being silent.
func TestTooLargeForExactChecks(t *testing.T) {
	host := Host{States: 2}
	found, err := Policy(parse(t, rule("r", "file_read", "{ path: { equals: /a/b/c/d } }", "ALLOW")), policy.Env{}, host)
	if err != nil || len(found) != 1 || found[0].Code != unchecked.ID {
		t.Errorf("got %+v, %v", found, err)
	}
}

// TestCodesAreDistinct keeps codes from being given twice.
func TestCodesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Codes {
		if seen[c.ID] || seen[c.Name] || c.Meaning == "" || c.Remedy == "" {
			t.Errorf("code %+v", c)
		}
		seen[c.ID], seen[c.Name] = true, true
	}
}

// TestCodesAreDocumented keeps the table of docs/lints.md equal to the codes.
func TestCodesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/lints.md")
	if err != nil {
		t.Fatal(err)
	}
	table := "|---|---|---|---|---|\n"
	for _, c := range Codes {
		table += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", c.ID, c.Name, c.Severity, c.Meaning, c.Remedy)
	}
	if !strings.Contains(string(doc), table+"\n## ") {
		t.Errorf("docs/lints.md does not have this table:\n%s", table)
	}
}
