// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"syscall"
	"testing"

	"caisson/bpf/layout"
	"caisson/policy"
)

func TestNodes(t *testing.T) {
	tab := table(t)
	p, err := policy.Parse("t.yaml", []byte(`agent: a
rules:
  - name: reads
    action: file_read
    conditions: { path: { starts_with: /srv/research } }
    effect: ALLOW
  - name: home
    action: file_write
    conditions: { path: { starts_with: /home/u } }
    effect: ALLOW
`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, tab.Env(policy.Env{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Notes()) == 0 {
		t.Error("no note says that a path was rewritten or cannot be located")
	}

	nodes := tab.Nodes(m)
	data, ok := nodes[254<<20|16]
	if !ok || data.Node[layout.RootRead] == 0 || data.Node[layout.RootWrite] != 0 {
		t.Errorf("/data: %+v, want a node for reads and none for writes", data)
	}
	// The rule names the bind mount; the files are judged where they are.
	s := policy.Subject{Action: policy.FileRead, Names: [][]byte{[]byte("research"), []byte("f")}}
	if v := m.RunFrom(data.Node[layout.RootRead], s); v.Effect != policy.Allow || v.Rule != 0 {
		t.Errorf("/data/research/f: %+v", v)
	}
	s.Names = s.Names[1:]
	if v := m.RunFrom(data.Node[layout.RootRead], s); v.Effect != policy.Deny {
		t.Errorf("/data/f: %+v", v)
	}
	if _, ok := nodes[60]; ok {
		t.Error("a superblock whose root is mounted nowhere got a node")
	}
	if n := nodes[53]; n != (layout.MountNodes{}) {
		t.Errorf("/over: %+v, want no node", n)
	}
}

func TestEnv(t *testing.T) {
	env := table(t).Env(policy.Env{}, nil)
	if location, note, err := env.Locate("/home/u"); location != "" || note == "" || err != nil {
		t.Errorf("nowhere: %q, %q, %v", location, note, err)
	}
	// A loop must stop the compilation: a DENY that silently matches nothing would fail open.
	if _, _, err := env.Locate("/loop"); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("loop: %v", err)
	}
}
