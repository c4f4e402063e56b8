// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxDepth is how deep a policy file can nest; the language needs six levels, and two for each of any, all and not.
const maxDepth = 48

// decodeAll reads at most two documents: a second one is an error anyway. The library has panicked on hostile text before,
// and a policy file must never take the daemon down.
func decodeAll(data []byte) (nodes []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			nodes, err = nil, fmt.Errorf("yaml: %v", r)
		}
	}()

	dec := yaml.NewDecoder(bytes.NewReader(data))
	for len(nodes) < 2 {
		n := new(yaml.Node)
		err := dec.Decode(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax records a fault that the YAML library found. It knows lines only; a tab is the usual cause and is pointed at.
func (p *parser) syntax(err error) {
	pos, msg := Pos{1, 1}, err.Error()
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			pos.Line = n
		}
	}

	hint := ""
	for line := max(pos.Line-1, 1); line <= pos.Line+1 && line <= len(p.lines); line++ {
		text := p.lines[line-1]
		blank := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if i := strings.IndexByte(blank, '\t'); i >= 0 {
			pos, hint = Pos{line, i + 1}, "indent with blanks, not with tabs"
			break
		}
	}
	p.fail(pos, hint, "not valid YAML: %s", msg)
}

// plain refuses the parts of YAML that would make a policy say something else than it shows.
func (p *parser) plain(n *yaml.Node, depth int) bool {
	if depth > maxDepth {
		p.fail(position(n), "", "nested deeper than %d levels", maxDepth)
		return false
	}
	switch {
	case n.Kind == yaml.AliasNode:
		p.fail(position(n), "write the value out", "alias *%s", n.Value)
	case n.Anchor != "":
		p.fail(position(n), "write the value out where it is used", "anchor &%s", n.Anchor)
	case n.Tag == "!!merge":
		p.fail(position(n), "write the fields out", "merge key <<")
	case n.Style&yaml.TaggedStyle != 0:
		p.fail(position(n), "remove it", "tag %s", n.Tag)
	default:
		ok := true
		for _, c := range n.Content {
			ok = p.plain(c, depth+1) && ok
		}
		return ok
	}
	return false
}

// position is where a node starts.
func position(n *yaml.Node) Pos { return Pos{max(n.Line, 1), max(n.Column, 1)} }

// isNull says whether a value was left out.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// kindName says what a node is, for messages.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if name, ok := scalarNames[n.Tag]; ok {
			return name
		}
	}
	return "this"
}

var scalarNames = map[string]string{
	"!!str": "a string", "!!int": "an integer", "!!float": "a number", "!!bool": "a boolean", "!!null": "nothing",
	"!!timestamp": "a date", "!!binary": "binary data", "!!merge": "a merge key",
}
