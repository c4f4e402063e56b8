// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unsafe"

	"caisson/bpf/layout"
)

// name255 is as long as a name can be.
var name255 = strings.Repeat("m", 255)

// filePolicy makes a policy on file_write from lines "EFFECT op path".
func filePolicy(t testing.TB, lines ...string) *Policy {
	t.Helper()
	p := &Policy{Agent: "files"}
	for i, line := range lines {
		w := strings.Fields(line)
		effect, ok := parseEffect(w[0])
		if !ok {
			t.Fatalf("bad line %q", line)
		}
		p.Rules = append(p.Rules, Rule{Name: fmt.Sprint(i), Action: FileWrite, Effect: effect,
			When: when(Condition{Field: "path", Op: w[1], Value: w[2]})})
	}
	return p
}

func compiled(t testing.TB, p *Policy, env Env) *Image {
	t.Helper()
	m, err := Compile(p, env)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func writing(t testing.TB, path string) Subject {
	t.Helper()
	s, err := PathSubject(FileWrite, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOffsetsFollowLayout(t *testing.T) {
	var h layout.Header
	var n layout.Node
	var e layout.Edge
	var p layout.Pattern
	cases := []struct {
		name      string
		got, want uintptr
	}{
		{"header table", headTable, unsafe.Offsetof(h.Table)}, {"header mask", headMask, unsafe.Offsetof(h.Mask)},
		{"header seed", headSeed, unsafe.Offsetof(h.Seed)}, {"header generation", headGen, unsafe.Offsetof(h.Generation)},
		{"header roots", headRoots, unsafe.Offsetof(h.Roots)}, {"header rules", headRules, unsafe.Offsetof(h.Rules)},
		{"header version", 4, unsafe.Offsetof(h.Version)}, {"header flags", 6, unsafe.Offsetof(h.Flags)},
		{"header cells", 8, unsafe.Offsetof(h.Cells)}, {"header nodes", 12, unsafe.Offsetof(h.Nodes)},
		{"node verdict", nodeVerdict, unsafe.Offsetof(n.Verdict)}, {"node next", nodeNext, unsafe.Offsetof(n.Next)},
		{"node patterns", nodePatterns, unsafe.Offsetof(n.Patterns)}, {"node npattern", nodeNPattern, unsafe.Offsetof(n.NPattern)},
		{"node flags", nodeFlags, unsafe.Offsetof(n.Flags)}, {"node nprefix", nodeNPrefix, unsafe.Offsetof(n.NPrefix)},
		{"node prefixes", nodePrefixes, unsafe.Offsetof(n.Prefixes)},
		{"edge node", edgeNode, unsafe.Offsetof(e.Node)}, {"edge next", edgeNext, unsafe.Offsetof(e.Next)},
		{"edge more", edgeMore, unsafe.Offsetof(e.More)}, {"edge kind", edgeKind, unsafe.Offsetof(e.Kind)},
		{"edge len", edgeLen, unsafe.Offsetof(e.Len)}, {"edge name", edgeName, unsafe.Offsetof(e.Name)},
		{"pattern prefix", patPrefix, unsafe.Offsetof(p.Prefix)}, {"pattern suffix", patSuffix, unsafe.Offsetof(p.Suffix)},
		{"pattern middle", patMiddle, unsafe.Offsetof(p.Middle)}, {"pattern text", patText, unsafe.Offsetof(p.Text)},
	}
	for _, tc := range cases {
		if tc.got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, tc.got, tc.want)
		}
	}
}

func TestFirstMatchWins(t *testing.T) {
	nested := []string{"DENY starts_with /a/b/c", "ALLOW starts_with /a/b", "DENY starts_with /a"}
	cases := []struct {
		name  string
		rules []string
		path  string
		want  Verdict
	}{
		{"deny inside allow inside deny: outside", nested, "/x", refuse(ReasonNoRule)},
		{"deny inside allow inside deny: outer", nested, "/a/x", Verdict{Effect: Deny, Rule: 2}},
		{"deny inside allow inside deny: middle", nested, "/a/b", Verdict{Effect: Allow, Rule: 1}},
		{"deny inside allow inside deny: inner", nested, "/a/b/c/d/e", Verdict{Effect: Deny, Rule: 0}},
		{"a wide rule first hides all behind it", []string{"ALLOW starts_with /", "DENY starts_with /a"}, "/a/b", Verdict{Effect: Allow, Rule: 0}},
		{"starts_with is structural", []string{"ALLOW starts_with /project/src"}, "/project/src2/x", refuse(ReasonNoRule)},
		{"starts_with covers itself", []string{"ALLOW starts_with /project/src/"}, "/project//./src", Verdict{Effect: Allow, Rule: 0}},
		{"equals covers nothing below", []string{"ALLOW equals /a"}, "/a/b", refuse(ReasonNoRule)},
		{"double star covers zero names", []string{"ALLOW glob /a/**"}, "/a", Verdict{Effect: Allow, Rule: 0}},
		{"double star in the middle", []string{"ALLOW glob /a/**/z"}, "/a/b/c/z", Verdict{Effect: Allow, Rule: 0}},
		{"star stays in its name", []string{"ALLOW glob /a/*.pem"}, "/a/b/c.pem", refuse(ReasonNoRule)},
		{"star may be empty", []string{"ALLOW glob /a/x*y"}, "/a/xy", Verdict{Effect: Allow, Rule: 0}},
		{"prefix and suffix do not overlap", []string{"ALLOW glob /a/xy*yx"}, "/a/xyx", refuse(ReasonNoRule)},
		{"class is deferred", []string{"ALLOW equals /a/q", "DENY glob /a/[pq]", "ALLOW starts_with /a"}, "/a/p", Verdict{Effect: Defer, Rule: 1}},
		{"what comes before a class is not", []string{"ALLOW equals /a/q", "DENY glob /a/[pq]", "ALLOW starts_with /a"}, "/a/q", Verdict{Effect: Allow, Rule: 0}},
		{"root itself", []string{"ALLOW equals /"}, "/", Verdict{Effect: Allow, Rule: 0}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := filePolicy(t, tc.rules...)
			s := writing(t, tc.path)
			if got := compiled(t, p, Env{}).Run(s); got != tc.want {
				t.Errorf("image: %+v, want %+v", got, tc.want)
			}
			if got := Reference(p, Env{}, s); tc.want.Effect != Defer && got != tc.want {
				t.Errorf("specification: %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestNinthPatternOfANodeIsDeferred(t *testing.T) {
	var lines []string
	for i := range 9 {
		lines = append(lines, fmt.Sprintf("ALLOW glob /a/*.x%d", i))
	}
	m := compiled(t, filePolicy(t, append(lines, "ALLOW equals /a/known")...), Env{})
	for path, want := range map[string]Verdict{
		"/a/f.x0":  {Effect: Allow, Rule: 0}, // one of the eight
		"/a/f.x8":  {Effect: Defer, Rule: 8}, // the ninth
		"/a/other": {Effect: Defer, Rule: 8}, // might be the ninth, as far as the node can tell
		"/a/known": {Effect: Allow, Rule: 9}, // a literal name is compared when the image is made
	} {
		if got := m.Run(writing(t, path)); got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
}

func TestAllConditionsMustHold(t *testing.T) {
	p := filePolicy(t, "ALLOW starts_with /a")
	p.Rules[0].When = when(append(p.Rules[0].When.Conditions(), Condition{Field: "path", Op: opGlob, Value: "/**/*.c"})...)
	m := compiled(t, p, Env{})
	for path, want := range map[string]Effect{"/a/x.c": Allow, "/a/b/x.c": Allow, "/a/x.h": Deny, "/b/x.c": Deny, "/a": Deny} {
		if got := m.Run(writing(t, path)); got.Effect != want {
			t.Errorf("%s: %v, want %v", path, got.Effect, want)
		}
	}
}

func TestProgramPatternsStayInTheProgram(t *testing.T) {
	p := &Policy{Agent: "x", Rules: []Rule{{Name: "r", Action: ShellExec, Effect: Allow,
		When: when(Condition{Field: "command", Op: opGlob, Value: "/opt/** run"})}}}
	m := compiled(t, p, Env{})
	cases := []struct {
		line string
		want Effect
	}{{"/opt/tool run", Allow}, {"/opt/a/b run", Allow}, {"/opt/tool x / run", Deny}, {"/opt/tool / run", Deny}, {"/opt/tool", Deny}}
	for _, tc := range cases {
		s, _, err := CommandSubject(Env{}, tc.line)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Run(s); got.Effect != tc.want {
			t.Errorf("%s: %v, want %v", tc.line, got.Effect, tc.want)
		}
	}
}

func TestRunFromNode(t *testing.T) {
	m := compiled(t, filePolicy(t, "DENY equals /mnt/data/x", "ALLOW starts_with /mnt/data"), Env{})
	node := m.Node(layout.RootWrite, "mnt", "data")
	for _, tc := range []struct {
		name string
		node uint32
		path string
		want Effect
	}{
		{"below the mount", node, "/y", Allow}, {"a name with an edge", node, "/x", Deny},
		{"dead node", 0, "/y", Deny}, {"no such node", math.MaxUint32, "/y", Deny},
	} {
		if got := m.RunFrom(tc.node, writing(t, tc.path)); got.Effect != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got.Effect, tc.want)
		}
	}
	if n := m.Node(layout.RootWrite, "other"); n != 0 {
		t.Errorf("dead location is node %d", n)
	}
	if n := m.Node(layout.RootExec, "usr"); n != 0 {
		t.Errorf("action without rules leads to node %d", n)
	}
}

func TestImageBytes(t *testing.T) {
	p := filePolicy(t, "ALLOW glob /a/*.c", "DENY starts_with /"+name255)
	a, b := compiled(t, p, Env{}).Bytes(7), compiled(t, p, Env{}).Bytes(7)
	if string(a) != string(b) || len(a)%layout.CellSize != 0 {
		t.Fatal("compiling twice gives different bytes, or half a cell")
	}
	r, err := OpenImage(a)
	if err != nil {
		t.Fatal(err)
	}
	if r.Generation() != 7 {
		t.Errorf("generation %d", r.Generation())
	}
	if got := r.Run(writing(t, "/a/x.c")); got.Effect != Allow {
		t.Errorf("got %+v", got)
	}
	if got := r.Run(writing(t, "/"+name255)); got.Rule != 1 {
		t.Errorf("got %+v", got)
	}
}
