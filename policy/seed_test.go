// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/json"
	"testing"
)

// seedDir holds the three policies of the seed document, as it prints them.
const seedDir = "../testdata/policies"

// seedSet loads the seed's policies.
func seedSet(t testing.TB) *Set {
	t.Helper()
	set, err := LoadDir(seedDir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestSeedPoliciesParse(t *testing.T) {
	set := seedSet(t)
	want := map[string]int{"research-agent": 2, "coding-agent": 3, "deploy-agent": 2}
	if len(set.Policies) != len(want) {
		t.Fatalf("got %d policies, want %d", len(set.Policies), len(want))
	}
	for agent, rules := range want {
		if p := set.Policies[agent]; p == nil || len(p.Rules) != rules {
			t.Errorf("%s: got %+v, want %d rules", agent, p, rules)
		}
	}
}

// The sentences of the seed document, as subjects and answers.
func TestSeedSentences(t *testing.T) {
	set := seedSet(t)
	file := func(a Action, path string) Subject {
		s, err := PathSubject(a, path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	command := func(line string) Subject {
		s, _, err := CommandSubject(Env{}, line)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	url := func(raw string) Subject {
		s, err := URLSubject(raw)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	cases := []struct {
		sentence, agent string
		s               Subject
		effect          Effect
		rule, reason    string
	}{
		{"research reads its dataset", "research-agent", file(FileRead, "/data/research/dataset.csv"), Allow, "allow-data-reads", ""},
		{"research attempts deployment", "research-agent", command("npm run deploy"), Deny, "", ReasonNoRule},
		{"research cannot write files", "research-agent", file(FileWrite, "/data/research/dataset.csv"), Deny, "", ReasonNoRule},
		{"research queries the API", "research-agent", url("https://api.datasource.com/v1/query"), Allow, "allow-api-queries", ""},
		{"research cannot reach other domains", "research-agent", url("https://api.datasource.com.evil.example"), Deny, "", ReasonNoRule},
		{"coding writes source", "coding-agent", file(FileWrite, "/project/src/main.go"), Allow, "allow-src-writes", ""},
		{"coding reads the project", "coding-agent", file(FileRead, "/project/README.md"), Allow, "allow-project-reads", ""},
		{"coding runs the tests", "coding-agent", command("npm test --watch"), Allow, "allow-test-execution", ""},
		{"a prefix of a word is another word", "coding-agent", command("npm testify"), Deny, "", ReasonNoRule},
		{"coding cannot deploy", "coding-agent", command("npm run deploy"), Deny, "", ReasonNoRule},
		{"coding cannot read research data", "coding-agent", file(FileRead, "/data/research/dataset.csv"), Deny, "", ReasonNoRule},
		{"coding makes no network requests", "coding-agent", url("https://api.datasource.com"), Deny, "", ReasonNoRule},
		{"a sibling directory is not src", "coding-agent", file(FileWrite, "/project/src2/x"), Deny, "", ReasonNoRule},
		{"deployment needs approval", "deploy-agent", command("npm run deploy"), RequireApproval, "allow-deploy-command", ApprovalText},
		{"deployment reaches its target", "deploy-agent", url("https://deploy.internal.example.com/x"), Allow, "allow-deploy-target", ""},
		{"deployment cannot read research data", "deploy-agent", file(FileRead, "/data/research/dataset.csv"), Deny, "", ReasonNoRule},
		{"deployment cannot write source", "deploy-agent", file(FileWrite, "/project/src/main.go"), Deny, "", ReasonNoRule},
		{"deployment cannot run tests", "deploy-agent", command("npm test"), Deny, "", ReasonNoRule},
		{"an unknown agent is denied", "other-agent", file(FileRead, "/data/research/dataset.csv"), Deny, "", ReasonNoPolicy},
		{"the baseline starts programs", "coding-agent", file(FileRead, "/usr/lib/x86_64-linux-gnu/libc.so.6"), Allow, "baseline:libraries", ""},
		{"the baseline has no shadow", "coding-agent", file(FileRead, "/etc/shadow"), Deny, "", ReasonNoRule},
		{"the baseline has no keys", "coding-agent", file(FileRead, "/etc/ssl/private/key.pem"), Deny, "", ReasonNoRule},
	}
	for _, tc := range cases {
		t.Run(tc.sentence, func(t *testing.T) {
			a := Evaluate(set, Env{}, tc.agent, tc.s)
			if a.Effect != tc.effect || a.Rule != tc.rule || a.Reason != tc.reason || a.Agent != tc.agent || a.Action != tc.s.Action {
				t.Errorf("got %+v", a)
			}
			if (a.Resolved != nil) != (tc.s.Action == ShellExec) {
				t.Errorf("resolved: %v", a.Resolved)
			}
		})
	}
}

func TestAnswerJSON(t *testing.T) {
	s, _, err := CommandSubject(Env{}, "npm run deploy")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(Evaluate(seedSet(t), Env{}, "deploy-agent", s))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"effect":"REQUIRE_APPROVAL","rule":"allow-deploy-command","agent":"deploy-agent","action":"shell_exec",` +
		`"reason":"it waits until somebody answers","resolved":false}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
