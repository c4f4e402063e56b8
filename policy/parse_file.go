// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// open returns the root node of the file's single document, or records why there is none.
func (p *parser) open(data []byte) *yaml.Node {
	nodes, ok := p.nodes(data)
	if !ok {
		return nil
	}
	return p.root(nodes)
}

// nodes returns the documents of the file, two at most, or records why there are none.
func (p *parser) nodes(data []byte) ([]*yaml.Node, bool) {
	p.files = append(p.files, p.file)
	p.bytes += len(data)
	if len(data) > maxFile {
		p.fail(Pos{1, 1}, "", "the file is larger than %d bytes", maxFile)
		return nil, false
	}
	if p.bytes > maxBytes {
		p.fail(Pos{1, 1}, "", "the policy and what it includes are larger than %d bytes", maxBytes)
		return nil, false
	}
	p.sums = append(p.sums, sha256.Sum256(data))

	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !p.plausible(data) {
		return nil, false
	}
	p.lines = strings.Split(string(data), "\n")
	nodes, err := decodeAll(data)
	if err != nil {
		p.syntax(err)
		return nil, false
	}
	return nodes, true
}

// root is the root node of the single document.
func (p *parser) root(nodes []*yaml.Node) *yaml.Node {
	if len(nodes) > 1 {
		p.fail(position(nodes[1]), "one file holds one policy; remove the \"---\" and what follows", "second document in the file")
		return nil
	}
	if len(nodes) == 0 || len(nodes[0].Content) == 0 || isNull(nodes[0].Content[0]) {
		if len(p.chain) > 1 {
			p.fail(Pos{1, 1}, "it needs rules", "the included file is empty")
		} else {
			p.fail(Pos{1, 1}, "it needs agent and rules", "the policy is empty")
		}
		return nil
	}
	if root := nodes[0].Content[0]; p.plain(root, 0) {
		return root
	}
	return nil
}

// plausible refuses what cannot be a policy file before YAML sees it: text that is not seen as it is read, and so many
// marks that the nodes would fill the memory.
func (p *parser) plausible(data []byte) bool {
	line, col := 1, 1
	before := p.marks
	for i := 0; i < len(data); {
		r, size := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(data[i:])
		}
		switch {
		case r == utf8.RuneError && size == 1 || r == 0:
			p.fail(Pos{line, col}, "the file must be UTF-8 text", "byte %#02x is not text", data[i])
			return false
		case hidden(r) || r == '\r' && (i+1 == len(data) || data[i+1] != '\n'):
			p.fail(Pos{line, col}, "remove it; in the quotes \" it can be written as \\u0000 with its number",
				"character %U is not seen as YAML reads it", r)
			return false
		case mark(data, i):
			p.marks++
		}
		i += size
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	if p.marks > maxMarks {
		p.fail(Pos{1, 1}, "write fewer or shorter lists and rules, or another policy",
			"the file has %d marks of YAML (line feeds, commas, colons, brackets and the like); a policy has at most %d", p.marks-before, maxMarks)
		return false
	}
	return true
}

// hidden says whether a character would make the file look different from what YAML makes of it: YAML ends lines, and with
// them comments, where editors do not, and others turn text round.
func hidden(r rune) bool {
	switch {
	case r < ' ':
		return r != '\t' && r != '\n' && r != '\r'
	case r < 0x7f:
		return false
	}
	return r >= 0x7f && r <= 0x9f || // C1 has the line break U+0085
		r == 0x2028 || r == 0x2029 || // line and paragraph separator
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || // change the direction of writing
		r == 0xfeff // only the start of a file may have one
}

// mark says whether YAML may begin a node at this byte.
func mark(data []byte, i int) bool {
	switch data[i] {
	case '\n', ',', ':', '[', '{':
		return true
	case '-', '?':
		return i+1 == len(data) || data[i+1] == ' ' || data[i+1] == '\t' || data[i+1] == '\n' || data[i+1] == '\r'
	}
	return false
}
