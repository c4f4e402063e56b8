// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"caisson/policy"
)

// builder makes rules of events.
type builder struct {
	siblings int
	taken    map[string]bool // names of rules
	rules    []Rule
	left     []Left
}

// build makes the rules for all events, in the order of actions.
func (b *builder) build(events []Event) {
	by := map[policy.Action][]Event{}
	for _, e := range events {
		by[e.Subject.Action] = append(by[e.Subject.Action], e)
	}
	b.files(policy.FileRead, "read", by[policy.FileRead])
	b.files(policy.FileWrite, "write", by[policy.FileWrite])
	b.commands(by[policy.ShellExec])
	b.network(by[policy.Network])
}

// name makes a name that no other rule has.
func (b *builder) name(base string) string {
	name := "suggested-" + base
	for n := 2; b.taken[name]; n++ {
		name = fmt.Sprintf("suggested-%s-%d", base, n)
	}
	b.taken[name] = true
	return name
}

// files makes the rules about files.
func (b *builder) files(action policy.Action, verb string, events []Event) {
	from := map[string][]uint64{}
	var ordinary, secret []string
	for _, e := range events {
		if from[e.Path] == nil && Secret(e.Path) {
			secret = append(secret, e.Path)
		} else if from[e.Path] == nil {
			ordinary = append(ordinary, e.Path)
		}
		from[e.Path] = append(from[e.Path], e.ID)
	}
	dirs, exact := generalise(ordinary, b.siblings)
	slices.Sort(secret)

	if len(dirs) > 0 {
		guard := b.name(verb + "-no-secrets")
		b.rules = append(b.rules,
			Rule{Name: guard, Why: "What looks like a secret stays out of the directories below.", Action: action, Effect: policy.Deny,
				Tests: []Test{{"path", "starts_with", dirs}, {"path", "glob", guards()}}},
			Rule{Name: b.name(verb + "-directories"), Why: fmt.Sprintf("At least %d different things in each were asked for.", b.siblings),
				Action: action, Effect: policy.Allow, Tests: []Test{{"path", "starts_with", dirs}}, From: below(from, dirs)})
	}
	if len(exact) > 0 {
		b.rules = append(b.rules, Rule{Name: b.name(verb + "-files"), Why: "Exactly what was asked for.", Action: action, Effect: policy.Allow,
			Tests: []Test{{"path", "equals", exact}}, From: of(from, exact)})
	}
	if len(secret) > 0 {
		b.rules = append(b.rules, Rule{Name: b.name(verb + "-secrets"), Why: "These look like secrets. Think twice.", Action: action,
			Effect: policy.Allow, Tests: []Test{{"path", "equals", secret}}, From: of(from, secret)})
	}
}

// below gathers the events of paths in the directories.
func below(from map[string][]uint64, dirs []string) []uint64 {
	var ids []uint64
	for p, list := range from {
		if !Secret(p) && slices.ContainsFunc(dirs, func(d string) bool { return p == d || len(p) > len(d) && p[:len(d)+1] == d+"/" }) {
			ids = append(ids, list...)
		}
	}
	slices.Sort(ids)
	return ids
}

// of gathers the events of the paths.
func of(from map[string][]uint64, paths []string) []uint64 {
	var ids []uint64
	for _, p := range paths {
		ids = append(ids, from[p]...)
	}
	slices.Sort(ids)
	return ids
}

// commands makes the rules about programs.
func (b *builder) commands(events []Event) {
	by := map[string][]Event{}
	for _, e := range events {
		by[e.Path] = append(by[e.Path], e)
	}
	values := map[string][]string{}
	from := map[string][]uint64{}
	for _, program := range slices.Sorted(maps.Keys(by)) {
		lines, why := commandRule(program, by[program])
		if why != "" {
			for _, e := range by[program] {
				b.left = append(b.left, Left{e, why})
			}
			continue
		}
		ops := map[string]bool{}
		for _, l := range lines {
			values[l.op] = append(values[l.op], l.value)
			ops[l.op] = true
		}
		for _, e := range by[program] {
			for op := range ops {
				from[op] = append(from[op], e.ID)
			}
		}
	}
	for _, kind := range []struct{ op, base, why string }{
		{"equals", "commands", "Exactly the words that were used."},
		{"starts_with", "programs", "These words, then any others."},
	} {
		if len(values[kind.op]) > 0 {
			b.rules = append(b.rules, Rule{Name: b.name(kind.base), Why: kind.why, Action: policy.ShellExec, Effect: policy.Allow,
				Tests: []Test{{"command", kind.op, values[kind.op]}}, From: from[kind.op]})
		}
	}
}

// network makes the rules about connections: one for each protocol and port, with exactly the hosts or addresses.
func (b *builder) network(events []Event) {
	type place struct {
		proto, field string
		port         uint16
	}
	values, from := map[place][]string{}, map[place][]uint64{}
	for _, e := range events {
		at, value := place{e.Proto, "address", e.Port}, e.Addr.String()
		switch {
		case e.Proto == "unix":
			at, value = place{"unix", "path", 0}, e.Path
		case e.Host != "":
			at.field, value = "host", e.Host
		}
		if !slices.Contains(values[at], value) {
			values[at] = append(values[at], value)
		}
		from[at] = append(from[at], e.ID)
	}
	order := slices.SortedFunc(maps.Keys(values), func(a, b place) int {
		return slices.Compare([]string{a.proto, a.field, fmt.Sprintf("%05d", a.port)}, []string{b.proto, b.field, fmt.Sprintf("%05d", b.port)})
	})
	for _, at := range order {
		slices.Sort(values[at])
		tests := []Test{{at.field, "equals", values[at]}}
		base := at.proto
		if at.proto != "unix" {
			tests = append(tests, Test{"port", "equals", []string{strconv.Itoa(int(at.port))}}, Test{"protocol", "equals", []string{at.proto}})
			base += "-" + strconv.Itoa(int(at.port))
		}
		b.rules = append(b.rules, Rule{Name: b.name(base), Why: "Exactly these places.", Action: policy.Network, Effect: policy.Allow, Tests: tests, From: from[at]})
	}
}
