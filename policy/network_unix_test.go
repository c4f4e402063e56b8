// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"testing"

	"caisson/bpf/layout"
)

func TestUnixSubject(t *testing.T) {
	for name, want := range map[string][]string{
		"/run/docker.sock": {"run", "docker.sock"},
		"/run//./x":        {"run", "x"},
		"@bus":             {"@/bus"},
		"@/tmp/.X11/X0":    {"@//tmp/.X11/X0"},
		"@":                {"@/"},
	} {
		s, err := UnixSubject(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Action != Network || s.Proto != ProtoUnix || !bytes.Equal(bytes.Join(s.Names, []byte{0}), bytes.Join(byteNames(want), []byte{0})) {
			t.Errorf("%s: %d %q", name, s.Proto, s.Names)
		}
	}
	for _, bad := range []string{"", "run/x"} {
		if _, err := UnixSubject(bad); err == nil {
			t.Errorf("%q is taken for a Unix socket", bad)
		}
	}
}

// A Unix socket is walked to by its names from its own start node; an abstract name is one name, whatever is in it.
func TestRunUnix(t *testing.T) {
	g := &graph{rules: make([]Rule, 3), nodes: make([]graphNode, 1)}
	known := map[string]uint32{}
	leaf := func(rule int) uint32 { return g.leaf(layout.Verdict(layout.EffectAllow, rule), known) }
	var roots [layout.Roots]uint32
	root, run := g.newNode(graphNode{}), g.newNode(graphNode{})
	roots[layout.RootUnix] = root
	g.addEdge(root, layout.EdgeName, "run", run)
	g.addEdge(run, layout.EdgeName, "x", leaf(0))
	g.addEdge(root, layout.EdgeName, "@/run/x", leaf(1))
	g.addEdge(root, layout.EdgeName, "@/a\x00b", leaf(2))
	b, err := g.encode(roots, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenImage(b)
	if err != nil {
		t.Fatal(err)
	}

	for name, rule := range map[string]int{"/run/x": 0, "/run/y": -1, "/x": -1, "@run/x": 1, "@a\x00b": 2, "@a": -1, "@": -1} {
		s, err := UnixSubject(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Run(s); got.Rule != rule {
			t.Errorf("%q: %+v, want rule %d", name, got, rule)
		}
	}
	below := Subject{Action: Network, Proto: ProtoUnix, Names: byteNames([]string{"x"})}
	if got := r.RunFrom(r.Node(layout.RootUnix, "run"), below); got.Rule != 0 {
		t.Errorf("from the node of a mount: %+v", got)
	}
}

// What a rule says about Unix sockets, and that it says nothing about them unless it speaks of them.
func TestReferenceUnix(t *testing.T) {
	path := func(op, value string) *Expr { return when(Condition{Field: "path", Op: op, Value: value}) }
	proto := func(value string) *Expr { return when(Condition{Field: "protocol", Op: opEquals, Value: value}) }
	port := when(Condition{Field: "port", Op: opEquals, Value: "80"})
	not := func(e *Expr) *Expr { return &Expr{Kind: Not, Sub: []*Expr{e}} }
	all := func(list ...*Expr) *Expr { return &Expr{Kind: All, Sub: list} }
	const file, other, abstract = "/run/x", "/run/y", "@run/x"

	for _, tc := range []struct {
		name string
		when *Expr
		yes  []string
		no   []string
	}{
		{"everything", nil, nil, []string{file, abstract}},
		{"port", port, nil, []string{file, abstract}},
		{"not a port", not(port), nil, []string{file, abstract}},
		{"protocol", proto("unix"), []string{file, abstract}, nil},
		{"other protocol", proto("tcp"), nil, []string{file, abstract}},
		{"not another protocol", not(proto("tcp")), []string{file, abstract}, nil},
		{"protocol and no port", all(proto("unix"), not(port)), []string{file, abstract}, nil},
		{"path", path(opEquals, file), []string{file}, []string{other, abstract}},
		{"not a path", not(path(opEquals, file)), []string{other, abstract}, []string{file}},
		{"path and protocol", all(path(opEquals, file), proto("unix")), []string{file}, []string{other}},
		{"directory", path(opStartsWith, "/run"), []string{file, other}, []string{"/runx", abstract}},
		{"root directory means files", path(opStartsWith, "/"), []string{file}, []string{abstract}},
		{"glob", path(opGlob, "/*/x"), []string{file}, []string{other, abstract}},
		{"glob of one name means files", path(opGlob, "/*"), []string{"/x"}, []string{abstract}},
		{"abstract", path(opEquals, abstract), []string{abstract}, []string{file, "@run/y", "@run"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &Policy{Agent: "net", Rules: []Rule{{Name: "r", Action: Network, Effect: Allow, When: tc.when}}}
			for _, list := range []struct {
				names []string
				rule  int
			}{{tc.yes, 0}, {tc.no, -1}} {
				for _, name := range list.names {
					s, err := UnixSubject(name)
					if err != nil {
						t.Fatal(err)
					}
					if got := Reference(p, Env{}, s); got.Rule != list.rule {
						t.Errorf("%s: %+v, want rule %d", name, got, list.rule)
					}
				}
			}
		})
	}
}
