// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxCases is how many cases one file can have.
const maxCases = 10_000

// caseFields are the keys of a case.
var caseFields = []keyword{
	{"name", true, "What the case shows.", textForm(maxRuleName)},
	{"read", false, "A file is read: its absolute path.", textForm(maxDescription)},
	{"write", false, "A file is changed: its absolute path.", textForm(maxDescription)},
	{"exec", false, "A command: a string as a shell reads it, or a list of a program and its words.", form{"anyOf": []form{
		textForm(maxDescription), {"type": "array", "minItems": 1, "items": form{"type": "string"}}}}},
	{"connect", false, "A connection: a URL, HOST:PORT, or udp://HOST:PORT.", textForm(maxDescription)},
	{"socket", false, "A connection to a Unix socket: its path, or @NAME.", textForm(maxDescription)},
	{"expect", true, "What the policy must say.", enumForm("ALLOW", "DENY", "REQUIRE_APPROVAL")},
	{"rule", false, "The rule that must decide; no-rule: none.", textForm(maxRuleName)},
	{"at", false, "When it is asked, RFC 3339; now when left out.", form{"type": "string", "format": "date-time"}},
	{"vars", false, "Values of the variables HOME and WORKSPACE.", refForm("vars")},
}

// varFields are the keys of vars.
var varFields = []keyword{
	{varHome, false, "The home directory of the run's user.", form{"type": "string", "pattern": "^/"}},
	{varWorkspace, false, "The workspace given at launch.", form{"type": "string", "pattern": "^/"}},
}

// casesFields are the keys of a file of cases.
var casesFields = []keyword{
	{"policy", false, "The policy file, relative to the directory of this one.", textForm(maxDescription)},
	{"agent", false, "The agent whose policy is tested, which stands in the same directory.", textForm(maxRuleName)},
	{"tests", true, "The cases.", refForm("tests")},
}

// caseForms are the definitions of the schema that cases need.
func caseForms() form {
	one := mappingForm(caseFields)
	var kinds []form
	for _, name := range caseKindNames {
		kinds = append(kinds, form{"required": []string{name}})
	}
	one["oneOf"] = kinds
	return form{"case": one, "vars": mappingForm(varFields), "cases": mappingForm(casesFields),
		"tests": form{"type": "array", "maxItems": maxCases, "items": refForm("case")}}
}

// LoadCases reads a file of cases.
func LoadCases(path string) (*Cases, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	return ParseCases(path, data)
}

// CaseFiles are the files of cases in a directory, sorted.
func CaseFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	var found []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && IsCases(e.Name()) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found, nil
}

// ParseCases reads the text of a file of cases, as strictly as [Parse] reads a policy.
func ParseCases(file string, data []byte) (*Cases, error) {
	s := &session{policy: &Policy{File: file}, included: map[string]place{}, names: map[string]place{}, variables: map[string]bool{}}
	p := &parser{session: s, file: file, chain: []string{file}}
	c := &Cases{File: file}
	if root := p.open(data); root != nil {
		p.cases(root, c)
	}
	if len(s.errs) > 0 {
		return nil, newFaults(s.files, s.errs)
	}
	return c, nil
}

// cases reads the root mapping of a file of cases.
func (p *parser) cases(root *yaml.Node, c *Cases) {
	const what = "a file of cases"
	f := p.mapping(root, what, casesFields)
	if f == nil {
		return
	}
	if (f["policy"] == nil) == (f["agent"] == nil) {
		p.fail(position(root), "add \"policy: FILE\", or \"agent: NAME\" for the policy in this directory", "%s names one policy", what)
	}
	if n := f["policy"]; n != nil {
		c.Policy = p.text(n, "policy")
	}
	if n := f["agent"]; n != nil {
		c.Agent = p.text(n, "agent")
	}
	if n := p.require(root, f, what, "tests"); n != nil {
		c.List = p.tested(n)
	}
}

// tested reads a list of cases.
func (p *parser) tested(n *yaml.Node) []Case {
	if n.Kind != yaml.SequenceNode {
		p.fail(position(n), "write one \"- name: …\" per case", "tests must be a list, not %s", kindName(n))
		return nil
	}
	if len(n.Content) > maxCases {
		p.fail(position(n.Content[maxCases]), "", "a file has at most %d cases", maxCases)
		return nil
	}
	var list []Case
	seen := map[string]Pos{}
	for _, item := range n.Content {
		c := p.testCase(item)
		if first, dup := seen[c.Name]; dup && c.Name != "" {
			p.fail(c.Pos, "names of cases are unique within a file", "case %q is already at %d:%d", c.Name, first.Line, first.Col)
		}
		seen[c.Name] = c.Pos
		list = append(list, c)
	}
	return list
}

// testCase reads one case.
func (p *parser) testCase(n *yaml.Node) Case {
	const what = "a case"
	c := Case{File: p.file, Pos: position(n)}
	f := p.mapping(n, what, caseFields)
	if f == nil {
		return c
	}
	if v := p.require(n, f, what, "name"); v != nil {
		if c.Name = p.text(v, "name"); len(c.Name) > maxRuleName || strings.ContainsFunc(c.Name, control) {
			p.fail(position(v), fmt.Sprintf("use at most %d bytes of printable text", maxRuleName), "%.40q is not a name", c.Name)
		}
	}
	if v := p.require(n, f, what, "expect"); v != nil {
		c.Expect, _ = p.effect(v)
	}
	if v := f["rule"]; v != nil {
		c.Rule = p.text(v, "rule")
	}
	if v := f["at"]; v != nil {
		c.At = p.instant(v)
	}
	if v := f["vars"]; v != nil {
		c.Vars = p.vars(v)
	}
	p.caseSubject(n, f, &c)
	return c
}

// caseSubject reads the one subject of a case.
func (p *parser) caseSubject(n *yaml.Node, f map[string]*yaml.Node, c *Case) {
	var given []string
	for kind, name := range caseKindNames {
		v := f[name]
		if v == nil {
			continue
		}
		given = append(given, name)
		c.Kind = CaseKind(kind)
		if c.Kind == CaseExec && v.Kind == yaml.SequenceNode {
			c.Argv = p.vector(v)
			continue
		}
		if c.Text = p.text(v, name); c.Text == "" {
			continue
		}
		if err := checkCase(c); err != nil {
			p.fail(position(v), "", "%s: %s", name, err)
		}
	}
	if len(given) != 1 {
		p.fail(position(n), "write one of "+strings.Join(caseKindNames[:], ", "), "a case has one subject, not %d", len(given))
	}
}

// checkCase says whether a subject is well formed, whatever the values of its variables.
func checkCase(c *Case) error {
	text := strings.NewReplacer("${"+varHome+"}", "/v", "${"+varWorkspace+"}", "/v", "${"+varAgent+"}", "v").Replace(c.Text)
	var err error
	switch c.Kind {
	case CaseRead, CaseWrite:
		_, err = PathSubject(FileRead, text)
	case CaseConnect:
		_, err = ConnectSubject(text)
	case CaseSocket:
		_, err = UnixSubject(text)
	}
	if inner := unwrapSubject(err); inner != nil {
		return inner
	}
	return err
}

// unwrapSubject is what an error about a subject says, without that it is one.
func unwrapSubject(err error) error {
	if w, ok := err.(interface{ Unwrap() error }); ok {
		return w.Unwrap()
	}
	return nil
}

// vector reads a program and its words.
func (p *parser) vector(n *yaml.Node) []string {
	if len(n.Content) == 0 {
		p.fail(position(n), "write [program, word, …]", "exec has no program")
	}
	argv := []string{}
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
			p.fail(position(item), fmt.Sprintf("quote it: %q", item.Value), "a word of exec must be a string, not %s", kindName(item))
			continue
		}
		argv = append(argv, item.Value)
	}
	return argv
}

// instant reads a time.
func (p *parser) instant(n *yaml.Node) time.Time {
	t, err := time.Parse(time.RFC3339, n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || t.IsZero() {
		p.fail(position(n), "write date, time and zone, as 2026-12-31T23:59:59Z", "at is no RFC 3339 date")
	}
	return t.UTC()
}

// vars reads the values of variables.
func (p *parser) vars(n *yaml.Node) map[string]string {
	f := p.mapping(n, "vars", varFields)
	vars := map[string]string{}
	for _, k := range varFields {
		v := f[k.name]
		if v == nil {
			continue
		}
		if value := p.text(v, k.name); value != "" {
			if err := checkVariable(value); err != nil {
				p.fail(position(v), err.hint, "%s: %s", k.name, err.msg)
			}
			vars[k.name] = value
		}
	}
	return vars
}
