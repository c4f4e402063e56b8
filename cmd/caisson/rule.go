// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"caisson/bpf/layout"
	"caisson/policy"
)

// shownRule is a rule and what it means on this host.
type shownRule struct {
	Number     int              `json:"number"` // from 1, in the order in which rules are tried
	Name       string           `json:"name"`
	Action     policy.Action    `json:"action"`
	Effect     policy.Effect    `json:"effect"`
	Conditions []shownCondition `json:"conditions"` // none: every subject of the action
	Here       []string         `json:"here"`       // per condition on path or command: the location it means
	Baseline   bool             `json:"baseline"`
	Deferred   bool             `json:"deferred"` // has a pattern that the kernel cannot match
	Line       int              `json:"line,omitempty"`
}

// shownCondition is one condition.
type shownCondition struct {
	Field string `json:"field"`
	Op    string `json:"op"`
	Value string `json:"value"`
}

func showRule(index int, r policy.Rule, env policy.Env) shownRule {
	s := shownRule{Number: index + 1, Name: r.Name, Action: r.Action, Effect: r.Effect, Baseline: r.Baseline, Line: r.Pos.Line,
		Conditions: []shownCondition{}, Here: []string{}}
	for _, c := range r.When.Conditions() {
		s.Conditions = append(s.Conditions, shownCondition{c.Field, c.Op, c.Value})
		switch c.Field {
		case "path":
			s.Here = append(s.Here, locate(env, c.Value, c.Op == "glob"))
		case "command":
			s.Here = append(s.Here, program(env, c.Value, c.Op == "glob"))
		}
	}
	return s
}

// condition is the rule's conditions in words.
func (r *shownRule) condition() string {
	if len(r.Conditions) == 0 {
		return "any"
	}
	words := make([]string, len(r.Conditions))
	for i, c := range r.Conditions {
		words[i] = c.Field + " " + c.Op + " " + c.Value
	}
	return strings.Join(words, " and ")
}

// locate is the location that a rule's path means: its literal part as the kernel sees it, the rest as written.
func locate(env policy.Env, path string, glob bool) string {
	names := pathNames(path)
	literal := len(names)
	if glob {
		for i, name := range names {
			if strings.ContainsAny(name, "*?[") {
				literal = i
				break
			}
		}
	}
	// /proc/self means whoever is judged; here it would lead to this process.
	if env.Locate == nil || len(names) > 1 && names[0] == "proc" && names[1] == "self" {
		return "/" + strings.Join(names, "/")
	}

	location, _, err := env.Locate("/" + strings.Join(names[:literal], "/"))
	if err != nil || location == "" {
		return "nowhere"
	}
	for _, name := range names[literal:] {
		location = strings.TrimSuffix(location, "/") + "/" + name
	}
	return location
}

// pathNames splits a rule's path, which is well formed, into its names.
func pathNames(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(name string) bool { return name == "" || name == "." })
}

// program is what a command condition's first word means: the file that is really run.
func program(env policy.Env, line string, glob bool) string {
	words := strings.Fields(line)
	if len(words) == 0 || glob && strings.ContainsAny(words[0], "*?[") {
		return line
	}

	path, ok := words[0], strings.HasPrefix(words[0], "/")
	if env.LookPath != nil {
		if found, there := env.LookPath(words[0]); there {
			path, ok = found, true
		}
	}
	if !ok {
		return "not installed"
	}
	words[0] = locate(env, path, false)
	return strings.Join(words, " ")
}

// pretendAddress stands in for DNS: the image is compiled only to be looked at, and a rule must not seem dead because
// nobody asked for the address of its host. It is one of those set aside for documentation (RFC 5737).
func pretendAddress(string) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, 1})} }

// deferring finds the rules that the image answers with "only user space can tell". It reads the nodes of the image, so
// that it says what was compiled and not what somebody thinks a pattern becomes.
func deferring(m *policy.Image) map[int]bool {
	found := map[int]bool{}
	cells := m.Bytes(0)
	const nodesAt, verdictAt = 12, 0 // Header.Nodes, Node.Verdict
	for n := uint32(1); n <= binary.LittleEndian.Uint32(cells[nodesAt:]); n++ {
		word := binary.LittleEndian.Uint32(cells[n*layout.CellSize+verdictAt:])
		if effect, rule := layout.SplitVerdict(word); effect == layout.EffectDefer {
			found[rule] = true
		}
	}
	return found
}
