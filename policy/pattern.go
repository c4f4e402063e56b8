// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"caisson/bpf/layout"
)

// pattern is what the image can match inside one name: how it begins, how it ends, and what it holds between, in this order
// and without overlap. A middle that is empty is none, and so are all behind it.
type pattern struct {
	prefix, suffix string
	middle         [layout.MaxMiddles]string
}

// newPattern makes a pattern of the texts around and between stars, of which there are at least two; why says why an edge
// cannot hold it.
func newPattern(texts []string) (p pattern, why string) {
	last := len(texts) - 1
	p.prefix, p.suffix = texts[0], texts[last]
	bytes, n := len(p.prefix)+len(p.suffix), 0
	for _, text := range texts[1:last] {
		if text == "" {
			continue
		}
		if n == layout.MaxMiddles {
			return p, whyMiddles
		}
		p.middle[n] = text
		bytes += len(text)
		n++
	}
	if bytes > layout.PatternBytes {
		return p, whyLong
	}
	return p, ""
}

// matches says whether a name, however long, matches. Taking each middle at the first place where it stands leaves the most
// room for those behind it.
func (p *pattern) matches(name string) bool {
	if len(name) < len(p.prefix)+len(p.suffix) || !strings.HasPrefix(name, p.prefix) || !strings.HasSuffix(name, p.suffix) {
		return false
	}
	name = name[len(p.prefix) : len(name)-len(p.suffix)]
	for _, text := range p.middle {
		at := strings.Index(name, text)
		if at < 0 {
			return false
		}
		name = name[at+len(text):]
	}
	return true
}

// text is all bytes of the pattern in the order in which an image holds them.
func (p *pattern) text() string { return p.prefix + strings.Join(p.middle[:], "") + p.suffix }

// compatible says whether one name may match both patterns, as far as their ends tell.
func (p *pattern) compatible(o *pattern) bool {
	return (strings.HasPrefix(p.prefix, o.prefix) || strings.HasPrefix(o.prefix, p.prefix)) &&
		(strings.HasSuffix(p.suffix, o.suffix) || strings.HasSuffix(o.suffix, p.suffix))
}

// implies says whether every name that matches p surely matches o: the texts of o stand inside those of p, which lie side by
// side in such a name. It may miss some, which costs an edge.
func (p *pattern) implies(o *pattern) bool {
	if !strings.HasPrefix(p.prefix, o.prefix) || !strings.HasSuffix(p.suffix, o.suffix) {
		return false
	}
	pieces := append([]string{p.prefix[len(o.prefix):]}, p.middle[:]...)
	pieces = append(pieces, p.suffix[:len(p.suffix)-len(o.suffix)])
	for _, text := range o.middle {
		at := -1
		for len(pieces) > 0 {
			if at = strings.Index(pieces[0], text); at >= 0 {
				break
			}
			pieces = pieces[1:]
		}
		if at < 0 {
			return false
		}
		pieces[0] = pieces[0][at+len(text):]
	}
	return true
}
