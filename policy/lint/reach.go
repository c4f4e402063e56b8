// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"

	"caisson/policy"
)

// ownPlaces are caisson's own files, as globs. Reading a program or a unit file does no harm.
var ownPlaces = []struct {
	glob  string
	kinds []policy.Kind
}{
	{"/etc/caisson/**", []policy.Kind{policy.ReadKind, policy.WriteKind}},
	{"/var/lib/caisson/**", []policy.Kind{policy.ReadKind, policy.WriteKind}},
	{"/run/caisson/**", []policy.Kind{policy.ReadKind, policy.WriteKind, policy.UnixKind}},
	{"/sys/fs/bpf/caisson/**", []policy.Kind{policy.ReadKind, policy.WriteKind}},
	{"/usr/bin/caisson", []policy.Kind{policy.WriteKind}},
	{"/usr/sbin/caissond", []policy.Kind{policy.WriteKind}},
	{"/etc/systemd/system/caissond.service", []policy.Kind{policy.WriteKind}},
	{"/usr/lib/systemd/system/caissond.service", []policy.Kind{policy.WriteKind}},
}

// ownFiles finds permissions that cover caisson's own files, once for each rule and action.
func (r *run) ownFiles() error {
	type key struct {
		rule int
		kind policy.Kind
	}
	said := map[key]bool{}
	for _, place := range ownPlaces {
		for _, k := range place.kinds {
			glob, err := policy.NewGlob(k, r.env, place.glob)
			if err != nil {
				continue // the place does not exist here
			}
			e := policy.Exploration{Kind: k, States: r.host.States, Sides: []policy.Side{{Image: r.view, Kind: k}}, Within: &policy.Within{Glob: glob}}
			e.Each(func(p *policy.Place) bool {
				if !p.Inside || !p.Real {
					return true
				}
				v := r.settled(p)
				if v.Effect != policy.Allow || r.rules[v.Rule].Baseline || said[key{v.Rule, k}] {
					return true
				}
				said[key{v.Rule, k}] = true
				s, rule := p.Subject(), &r.rules[v.Rule]
				f := r.add(ownFiles, rule, rule.Pos, fmt.Sprintf("it allows %s of caisson's own %s", k, policy.SubjectText(s, nil)))
				f.Example = &s
				return true
			})
		}
	}
	return nil
}

// maxPairs is how many pairs of rules are shown: every further one says the same.
const maxPairs = 20

// writeExec finds places that the agent may write, and run as a program with some arguments.
func (r *run) writeExec() error {
	type pair struct{ write, exec int }
	said := map[pair]bool{}
	runs := map[uint32]int{}
	e := policy.Exploration{Kind: policy.WriteKind, States: r.host.States,
		Sides: []policy.Side{{Image: r.view, Kind: policy.WriteKind}, {Image: r.view, Kind: policy.ExecKind}}, Follow: true}
	e.Each(func(p *policy.Place) bool {
		v := p.Verdicts[0]
		if !p.Real || v.Effect != policy.Allow || r.rules[v.Rule].Baseline {
			return true
		}
		s, program := p.Subject(), p.Nodes[1]
		if len(s.Names) == 0 {
			// The root is no program, but where everything may be written the walk ends here.
			s.Names, program = [][]byte{[]byte("x")}, r.view.Step(program, "x")
		}
		behind := r.view.Step(program, "/")
		exec, known := runs[behind]
		if !known {
			exec = r.allows(behind)
			runs[behind] = exec
		}
		// The baseline starts programs that are not the agent's to write.
		if exec < 0 || r.rules[exec].Baseline || said[pair{v.Rule, exec}] {
			return true
		}
		if r.image.Run(s) != v {
			return true
		}
		said[pair{v.Rule, exec}] = true
		rule := &r.rules[v.Rule]
		f := r.add(writeExec, rule, rule.Pos, fmt.Sprintf("it allows writing %s, which rule %s allows to run", policy.SubjectText(s, nil), r.rules[exec].Name))
		f.Example = &s
		return len(said) < maxPairs
	})
	return nil
}

// allows is a rule that allows some words behind a node; -1 when none does.
func (r *run) allows(node uint32) int {
	seen := map[uint32]bool{}
	queue := []uint32{node}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if seen[n] {
			continue
		}
		seen[n] = true
		if v := r.view.At(n); v.Effect == policy.Allow {
			return v.Rule
		}
		queue = append(queue, r.view.Ways(n)...)
	}
	return -1
}
