// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
	"time"

	"caisson/bpf/layout"
)

func command(t testing.TB, env Env, line string) Subject {
	t.Helper()
	s, _, err := CommandSubject(env, line)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestObserveIsAFlagOfTheImage(t *testing.T) {
	p := filePolicy(t, "ALLOW starts_with /a")
	for mode, want := range map[Mode]bool{Enforce: false, Observe: true} {
		p.Mode = mode
		m := compiled(t, p, Env{})
		if m.Observes() != want {
			t.Errorf("mode %d: observes %v", mode, m.Observes())
		}
		if got := m.Run(writing(t, "/b")); got.Effect != Deny {
			t.Errorf("mode %d: the verdict changes: %+v", mode, got)
		}
	}
}

func TestDescendantsIsABitOfTheVerdict(t *testing.T) {
	run := func(effect Effect, a Action) Rule {
		value := Condition{Field: "command", Op: opStartsWith, Value: "/bin/make"}
		if a != ShellExec {
			value = Condition{Field: "path", Op: opStartsWith, Value: "/bin/make"}
		}
		return Rule{Name: "r", Action: a, Effect: effect, Descendants: true, When: when(value)}
	}
	cases := []struct {
		name string
		rule Rule
		want bool
	}{
		{"an allowed program", run(Allow, ShellExec), true},
		{"a denied one", run(Deny, ShellExec), false},
		{"a file", run(Allow, FileWrite), false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := &Policy{Agent: "x", Rules: []Rule{tc.rule}}
			s := command(t, Env{}, "/bin/make all")
			if tc.rule.Action == FileWrite {
				s = writing(t, "/bin/make/x")
			}
			got := compiled(t, p, Env{}).Run(s)
			if got.Rule != 0 || got.Descendants != tc.want || (got.Word()&layout.VerdictDescendants != 0) != tc.want {
				t.Errorf("got %+v", got)
			}
			if ref := Reference(p, Env{}, s); ref != got {
				t.Errorf("specification: %+v", ref)
			}
		})
	}
}

func TestRulesThatComeAndGo(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) // a Wednesday
	p := filePolicy(t, "DENY starts_with /a", "ALLOW starts_with /")
	p.Rules[0].Expires = noon
	for _, tc := range []struct {
		name  string
		now   time.Time
		want  Verdict
		until time.Time
	}{
		{"before", noon.Add(-time.Hour), Verdict{Effect: Deny, Rule: 0}, noon},
		{"after", noon, Verdict{Effect: Allow, Rule: 1}, time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := Env{Now: tc.now}
			m := compiled(t, p, env)
			if got := m.Run(writing(t, "/a/x")); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if got := Reference(p, env, writing(t, "/a/x")); got != tc.want {
				t.Errorf("specification: %+v, want %+v", got, tc.want)
			}
			if !m.Until().Equal(tc.until) {
				t.Errorf("until %v, want %v", m.Until(), tc.until)
			}
			if n := len(m.Rules()); n != len(p.AllRules()) {
				t.Errorf("%d rules", n)
			}
		})
	}
}

func TestShellsAreTransparent(t *testing.T) {
	env := Env{Shells: []string{"/usr/bin/dash", "relative", "/bin/two words"}}
	exec := func(effect Effect, line string) *Policy {
		return &Policy{Agent: "x", Rules: []Rule{{Name: "r", Action: ShellExec, Effect: effect,
			When: when(Condition{Field: "command", Op: opStartsWith, Value: line})}}}
	}
	cases := []struct {
		name string
		p    *Policy
		rule string // that allows a shell; "": none does
	}{
		{"an agent that may start something", exec(Allow, "/bin/ls"), shellRule},
		{"one that may after approval", exec(RequireApproval, "/bin/ls"), shellRule},
		{"one that may start nothing", exec(Deny, "/bin/ls"), ""},
		{"one without such rules", filePolicy(t, "ALLOW starts_with /"), ""},
		{"one to which the shell is denied", &Policy{Agent: "x", Rules: append(exec(Deny, "/usr/bin/dash").Rules, exec(Allow, "/bin/ls").Rules...)}, "r"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m := compiled(t, tc.p, env)
			s := command(t, env, "/usr/bin/dash -c x")
			got := m.Run(s)
			name := ""
			if got.Rule >= 0 {
				name = m.Rules()[got.Rule].Name
			}
			if name != tc.rule || got != Reference(tc.p, env, s) {
				t.Errorf("got %+v by %q", got, name)
			}
			if name == shellRule && (got.Effect != Allow || got.Rule < len(tc.p.AllRules())) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTrustedPlaces(t *testing.T) {
	env := Env{Trusted: []string{"/usr/bin", "/opt/run"}, Locate: func(path string) (string, string, error) {
		return strings.Replace(path, "/opt", "/mnt/opt", 1), "", nil
	}}
	m := compiled(t, filePolicy(t, "ALLOW starts_with /usr"), env)
	for path, want := range map[string]bool{
		"usr/bin/env": true, "usr/bin/x/y": true, "usr/bin": false, "usr/binx/env": false, "opt/run/a": false, "mnt/opt/run/a": true, "tmp/env": false,
	} {
		names := strings.Split(path, "/")
		if got := m.Trusts(0, byteNames(names)); got != want {
			t.Errorf("%s: %v", path, got)
		}
		node := m.Node(layout.RootTrust, names[0])
		if got := node != 0 && m.Trusts(node, byteNames(names[1:])); got != want {
			t.Errorf("%s from the node of its first name: %v", path, got)
		}
	}
	if m := compiled(t, filePolicy(t, "ALLOW starts_with /usr"), Env{}); m.Trusts(0, byteNames([]string{"usr", "bin", "env"})) {
		t.Error("something is trusted that nobody named")
	}
}

func TestDeferredSaysWhy(t *testing.T) {
	var crowd []string
	for _, s := range strings.Split("abcdefghij", "") {
		crowd = append(crowd, "DENY glob /crowd/*"+s)
	}
	cases := []struct {
		line, why string
	}{
		{"ALLOW glob /q/a?", whyQuestion}, {"ALLOW glob /c/[ab]", whyClass}, {"ALLOW glob /m/a*b*c*d*e*f*g", whyMiddles},
		{"ALLOW glob /l/*" + strings.Repeat("x", 59), whyLong}, {"ALLOW regex /r/.+", whyRegex}, {"ALLOW contains " + strings.Repeat("y", 59), whyLong},
		{"ALLOW glob /ok/a*b*c*d*e*f", ""}, {"ALLOW glob /ok/[a]*[*]", ""}, {"ALLOW contains b/c", ""}, {"ALLOW regex /r/x", ""},
		{"ALLOW glob /crowd/*x", whyCrowd},
	}
	for _, tc := range cases {
		t.Run(tc.line, func(t *testing.T) {
			m := compiled(t, filePolicy(t, append([]string{tc.line}, crowd[:1]...)...), Env{})
			if tc.why == whyCrowd {
				m = compiled(t, filePolicy(t, append(crowd, tc.line)...), Env{})
			}
			got := m.Deferred()
			if tc.why == "" && len(got) > 0 || tc.why != "" && tc.why != whyCrowd && (len(got) != 1 || got[0] != tc.why) ||
				tc.why == whyCrowd && got[layout.MaxPatterns] != tc.why {
				t.Errorf("got %v, want %q", got, tc.why)
			}
		})
	}
}

// What the image leaves to user space is answered as user space would.
func TestEvaluateSettles(t *testing.T) {
	p := filePolicy(t, "ALLOW glob /q/a?")
	set := &Set{Policies: map[string]*Policy{p.Agent: p}}
	if got := Evaluate(set, Env{}, p.Agent, writing(t, "/q/ab")); got.Effect != Allow || got.Rule != "0" || got.Reason != "" {
		t.Errorf("got %+v", got)
	}
	if got := Evaluate(set, Env{}, p.Agent, writing(t, "/q/abc")); got.Effect != Deny || got.Rule != "" || got.Reason != ReasonNoRule {
		t.Errorf("got %+v", got)
	}
}

// A program that is not installed is what it would be, where a rule denies it; a rule that allows it waits.
func TestAbsentPrograms(t *testing.T) {
	env := Env{SecurePath: []string{"/usr/bin", "/bin", "relative"}}
	rule := func(effect Effect, negated bool) *Policy {
		w := when(Condition{Field: "command", Op: opStartsWith, Value: "absent"})
		if negated {
			w = &Expr{Kind: Not, Sub: []*Expr{w}}
		}
		return &Policy{Agent: "x", Rules: []Rule{{Name: "r", Action: ShellExec, Effect: effect, When: w}}}
	}
	cases := []struct {
		name    string
		p       *Policy
		matches bool
	}{
		{"allow", rule(Allow, false), false}, {"deny", rule(Deny, false), true}, {"ask", rule(RequireApproval, false), true},
		{"allow all others", rule(Allow, true), false}, {"deny all others", rule(Deny, true), true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m := compiled(t, tc.p, env)
			for _, line := range []string{"/usr/bin/absent x", "/bin/absent"} {
				s := command(t, env, line)
				got := m.Run(s)
				if (got.Rule == 0) != tc.matches || got != Reference(tc.p, env, s) {
					t.Errorf("%s: %+v, specification %+v", line, got, Reference(tc.p, env, s))
				}
			}
		})
	}
}

func TestUnixSockets(t *testing.T) {
	path := func(op, value string) *Expr {
		return &Expr{Test: Condition{Field: "path", Op: op, Value: value}}
	}
	not := func(e *Expr) *Expr { return &Expr{Kind: Not, Sub: []*Expr{e}} }
	protocol := func(name string) *Expr { return &Expr{Test: Condition{Field: "protocol", Op: opEquals, Value: name}} }
	cases := []struct {
		name             string
		when             *Expr
		file, abstracted bool // whether /run/x.sock and @x.sock are covered
	}{
		{"a rule about the network at large", nil, false, false},
		{"a port", &Expr{Test: Condition{Field: "port", Op: opEquals, Value: "80"}}, false, false},
		{"the protocol", protocol("unix"), true, true},
		{"another protocol", protocol("tcp"), false, false},
		{"not another protocol", not(protocol("tcp")), true, true},
		{"a path", path(opEquals, "/run/x.sock"), true, false},
		{"everything below the root", path(opStartsWith, "/"), true, false},
		{"every name", path(opGlob, "/**"), true, false},
		{"an end", path(opEndsWith, ".sock"), true, false},
		{"a part", path(opContains, "x"), true, false},
		{"an abstract name", path(opEquals, "@x.sock"), false, true},
		{"abstract names", path(opGlob, "@*.sock"), false, true},
		{"not a path", not(path(opStartsWith, "/run")), false, true},
		{"not an abstract name", not(path(opGlob, "@*")), true, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := &Policy{Agent: "x", Rules: []Rule{{Name: "r", Action: Network, Effect: Allow, When: tc.when}}}
			m := compiled(t, p, Env{})
			for name, want := range map[string]bool{"run/x.sock": tc.file, "@/x.sock": tc.abstracted} {
				s := Subject{Action: Network, Proto: ProtoUnix, Names: byteNames([]string{name})}
				if name[0] != '@' {
					s.Names = byteNames(strings.Split(name, "/"))
				}
				if got := m.Run(s); (got.Effect == Allow) != want || got != Reference(p, Env{}, s) {
					t.Errorf("%s: %+v, specification %+v, want %v", name, got, Reference(p, Env{}, s), want)
				}
			}
		})
	}
}

func TestVariablesMustBeBound(t *testing.T) {
	p := filePolicy(t, "ALLOW starts_with /a")
	p.Variables = []string{"HOME", "WORKSPACE"}
	_, err := Compile(p, Env{})
	if want := "compiling files: the policy has variables of a run: HOME, WORKSPACE (bind them first)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
