// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// examples are the pieces of YAML in docs/policy.md.
func examples(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
		list = append(list, string(m[1]))
	}
	return list
}

// whole makes a policy of an example that is only part of one.
func whole(example string) string {
	body := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(example, "")
	switch {
	case body == "":
		return example + "agent: doc\nrules: []\n"
	case strings.HasPrefix(body, "- "):
		return "agent: doc\nrules:\n" + body
	case strings.HasPrefix(body, "conditions:"):
		action := "network"
		if strings.Contains(body, "  path:") {
			action = "file_read"
		}
		return rule1("name: r\naction: " + action + "\neffect: DENY\n" + strings.TrimSuffix(body, "\n"))
	case strings.HasPrefix(body, "description:"):
		return "agent: doc\n" + body
	}
	return body
}

// TestDocumentedExamples holds the reference to saying nothing that is an error.
func TestDocumentedExamples(t *testing.T) {
	list := examples(t)
	if len(list) < 10 {
		t.Fatalf("found %d examples", len(list))
	}
	shared := func(string) ([]byte, error) { return []byte("rules: []\n"), nil }
	for _, example := range list {
		p, err := ParseWith("doc.yaml", []byte(whole(example)), shared)
		if err != nil {
			t.Errorf("%v\n%s", err, whole(example))
			continue
		}
		if strings.Contains(example, "name:") && len(p.Rules) == 0 {
			t.Errorf("the example became no rules:\n%s", example)
		}
	}
}

// TestDocumentationIsComplete holds the reference to naming every key, field, operator and variable.
func TestDocumentationIsComplete(t *testing.T) {
	text, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, list := range [][]keyword{topFields, ruleFields, windowFields, conditionFields()} {
		names = append(names, keywordNames(list)...)
	}
	for _, op := range operators {
		names = append(names, op.name)
	}
	names = append(names, protocols...)
	for _, name := range variableNames {
		names = append(names, "${"+name+"}")
	}
	for _, name := range names {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/policy.md does not name %s", name)
		}
	}
}
