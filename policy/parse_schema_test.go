// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the committed schema anew")

const schemaFile = "../docs/policy.schema.json"

func TestSchemaIsCommitted(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, Schema()) {
		t.Errorf("%s is not the schema of the parser's tables (run go generate ./policy)", schemaFile)
	}
}

// validator compiles the schema, or a part of it.
func validator(t *testing.T, part string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json" + part)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// editorValue is what an editor makes of YAML: dates are strings.
func editorValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return editorValue(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = editorValue(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, editorValue(c))
		}
		return list
	}
	switch n.Tag {
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return float64(i)
		}
	case "!!bool":
		return n.Value == "true"
	case "!!null":
		return nil
	}
	return n.Value
}

// editorRead reads YAML as an editor does; false when it is no single document.
func editorRead(text string) (any, bool) {
	nodes, err := decodeAll([]byte(text))
	if err != nil || len(nodes) != 1 {
		return nil, false
	}
	return editorValue(nodes[0]), true
}

func TestSchemaAcceptsGoodPolicies(t *testing.T) {
	schema := validator(t, "")
	texts := map[string]string{}
	for _, pattern := range []string{"testdata/parse/*.yaml", seedDir + "/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(data)
		}
	}
	for _, tc := range conditionCases {
		texts[tc.name] = fmt.Sprintf("agent: a\nrules:\n  - { name: r, action: %s, effect: DENY, conditions: %s }\n", tc.action, tc.conditions)
	}
	texts["an include"] = "agent: a\n" + rulesOf(including("b.yaml"), named("r"))
	for name, text := range texts {
		value, ok := editorRead(text)
		if !ok {
			t.Fatalf("%s is no document", name)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	included, _ := editorRead("description: shared\n" + rulesOf(named("r")))
	if err := validator(t, "#/$defs/included").Validate(included); err != nil {
		t.Errorf("an included file: %v", err)
	}
	if err := schema.Validate(included); err == nil {
		t.Error("an included file is taken for a policy")
	}
}

// onlyParser are the faults of form that a schema cannot say. Of those of badPolicies and badFields it finds all others.
var onlyParser = []string{"duplicate rule name", "reserved rule name", "description with an escape", "message of two lines", "timeout too short", "timeout too long"}

// alsoSchema are the faults of values that the schema finds. The text of most values only the parser understands.
var alsoSchema = []string{"relative path", "long regex", "unknown protocol", "protocol pattern", "quoted port", "port 0", "port too large"}

func TestSchemaRefusesBadPolicies(t *testing.T) {
	schema := validator(t, "")
	check := func(name, text string, want bool) {
		value, ok := editorRead(text)
		if !ok {
			return
		}
		if refused := schema.Validate(value) != nil; refused != want {
			t.Errorf("%s: the schema refuses it: %t", name, refused)
		}
	}
	for _, tc := range slices.Concat(badPolicies, badFields) {
		// A repeated key is gone when YAML has become values.
		if tc.name != "duplicate key" {
			check(tc.name, tc.text, !slices.Contains(onlyParser, tc.name))
		}
	}
	for _, tc := range badValues {
		if slices.Contains(alsoSchema, tc.name) {
			check(tc.name, tc.text, true)
		}
	}
}
