// SPDX-License-Identifier: Apache-2.0

package prove

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"caisson/policy"
	"caisson/policy/internal/small"
)

// inSet says, by the specification, whether a subject is one that a glob means.
func inSet(k policy.Kind, glob string, s policy.Subject) bool {
	field := "path"
	if k == policy.ExecKind {
		field = "command"
	}
	only := &policy.Policy{Baseline: policy.BaselineNone, Rules: []policy.Rule{{Name: "set", Action: k.Action(), Effect: policy.Allow,
		When: &policy.Expr{Test: policy.Condition{Field: field, Op: "glob", Value: glob}}}}}
	return policy.Reference(only, policy.Env{}, s).Rule == 0
}

// TestAskEqualsBruteForce asks about random sets of random policies. A proof must hold for every subject of the alphabet; a
// counter-example must be one; "unknown" must be about something deferred.
func TestAskEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	count := map[Outcome]int{}
	for range 1500 {
		p := small.Policy(r)
		k := []policy.Kind{policy.WriteKind, policy.ExecKind}[r.IntN(2)]
		q := Question{Action: k.Action(), NotEvenApproval: r.IntN(2) == 0}
		glob := small.Glob(r, k)
		if k == policy.ExecKind {
			q.Command = glob
		} else {
			q.Path = glob
		}
		got, err := Ask(p, policy.Env{}, q)
		if err != nil {
			t.Fatal(err)
		}
		count[got.Outcome]++
		bad := func(s policy.Subject) bool {
			e := policy.Reference(p, policy.Env{}, s).Effect
			return e == policy.Allow || q.NotEvenApproval && e == policy.RequireApproval
		}
		switch got.Outcome {
		case Proven:
			for _, s := range small.Subjects(k) {
				if inSet(k, glob, s) && bad(s) {
					t.Fatalf("proven for %s, but %s is allowed: %+v", glob, policy.SubjectText(s, nil), p.Rules)
				}
			}
		case Refuted:
			if !inSet(k, glob, *got.Example) || !bad(*got.Example) {
				t.Fatalf("%s is no counter-example in %s", policy.SubjectText(*got.Example, nil), glob)
			}
			for _, s := range small.Subjects(k) {
				if !got.Later && len(s.Names)+len(s.Args) < len(got.Example.Names)+len(got.Example.Args) && inSet(k, glob, s) && bad(s) {
					if m, err := policy.Compile(p, policy.Env{}); err != nil || m.Run(s).Effect != policy.Defer {
						t.Fatalf("%s is shorter than %s", policy.SubjectText(s, nil), policy.SubjectText(*got.Example, nil))
					}
				}
			}
		case Unknown:
			if got.Rule == nil || got.Why == "" {
				t.Fatalf("unknown without a reason: %+v", got)
			}
		}
	}
	if count[Proven] < 100 || count[Refuted] < 100 || count[Unknown] > 200 {
		t.Errorf("outcomes %v", count)
	}
	t.Logf("outcomes %v", count)
}

const rules = `agent: a
rules:
  - { name: no-keys, action: file_read, conditions: { path: { glob: "/etc/ssh/*_key" } }, effect: DENY }
  - { name: etc, action: file_read, conditions: { path: { starts_with: /etc } }, effect: ALLOW }
  - { name: no-odd, action: file_read, conditions: { path: { glob: "/odd/[ab]" } }, effect: DENY }
  - { name: odd, action: file_read, conditions: { path: { starts_with: /odd } }, effect: ALLOW }
  - { name: maybe, action: file_read, conditions: { path: { glob: "/maybe/[ab]" } }, effect: ALLOW }
  - { name: deploy, action: shell_exec, conditions: { command: { starts_with: deploy now } }, effect: REQUIRE_APPROVAL }
  - { name: no-metadata, action: network, conditions: { address: { equals: 169.254.0.0/16 } }, effect: DENY }
  - { name: api, action: network, conditions: { url: { equals: "https://api.example" } }, effect: ALLOW }
  - { name: dns, action: network, conditions: { address: { equals: 192.0.2.53 }, port: { equals: 53 } }, effect: ALLOW }
`

func TestAsk(t *testing.T) {
	p, err := policy.Parse("f", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	read, exec, network := policy.FileRead, policy.ShellExec, policy.Network
	cases := []struct {
		name string
		q    Question
		want string
	}{
		{"proven", Question{Action: read, Path: "/home/**"}, "proven"},
		{"denied first", Question{Action: read, Path: "/etc/ssh/ssh_host_*_key"}, "proven"},
		{"shortest", Question{Action: read, Path: "/etc/ssh/**"}, "refuted /etc/ssh etc"},
		{"between patterns", Question{Action: read, Path: "/etc/ssh/*key*"}, "refuted /etc/ssh/key etc"},
		{"all of an action", Question{Action: policy.FileWrite}, "refuted /dev/full baseline:devices"},
		{"a deferred denial in front of nothing", Question{Action: read, Path: "/odd/[ab]/**"}, "refuted /odd/a/x odd"},
		{"deferred denial: user space denies", Question{Action: read, Path: "/odd/[ab]"}, "unknown no-odd"},
		{"deferred permission", Question{Action: read, Path: "/maybe/[ab]"}, "refuted /maybe/a maybe later"},
		{"deferred permission elsewhere", Question{Action: read, Path: "/maybe/c*"}, "unknown maybe"},
		{"approval is not allowed", Question{Action: exec, Command: "deploy **"}, "proven"},
		{"not even approval", Question{Action: exec, Command: "deploy **", NotEvenApproval: true}, "refuted deploy now deploy"},
		{"a word more", Question{Action: exec, Command: "deploy later", NotEvenApproval: true}, "proven"},
		{"address denied before names", Question{Action: network, Address: "169.254.169.254"}, "proven"},
		{"a name may lead there", Question{Action: network, Address: "10.0.0.0/8"}, "refuted tcp 10.0.0.1:443 api if api.example"},
		{"not at that port", Question{Action: network, Address: "10.0.0.0/8", Port: "1-442"}, "proven"},
		{"range of ports", Question{Action: network, Address: "192.0.2.53", Port: "50-60"}, "refuted tcp 192.0.2.53:53 dns"},
		{"another URL", Question{Action: network, URL: "https://other.example"}, "proven"},
		{"this URL", Question{Action: network, URL: "https://api.example/v1"}, "refuted tcp api.example:443 api"},
		{"host", Question{Action: network, Host: "api.example"}, "refuted tcp api.example:443 api"},
		{"no socket", Question{Action: network, Path: "/run/docker.sock"}, "proven"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			hosts := &policy.PretendHosts{}
			tc.q.Hosts = hosts
			a, err := Ask(p, policy.Env{}, tc.q)
			if err != nil {
				t.Fatal(err)
			}
			words := []string{a.Outcome.String()}
			if a.Example != nil {
				words = append(words, policy.SubjectText(*a.Example, hosts))
			}
			if a.Rule != nil {
				words = append(words, a.Rule.Name)
			}
			if a.Later {
				words = append(words, "later")
			}
			if a.Host != "" {
				words = append(words, "if", a.Host)
			}
			if got := strings.Join(words, " "); got != tc.want {
				t.Errorf("got %s, want %s (%s)", got, tc.want, a.Why)
			}
		})
	}
}

func TestAskRefusesNonsense(t *testing.T) {
	p := &policy.Policy{Agent: "a"}
	for name, q := range map[string]Question{
		"two sets":                 {Action: policy.FileRead, Path: "/a", Command: "b"},
		"a command is no file":     {Action: policy.FileRead, Command: "b"},
		"a path is no program":     {Action: policy.ShellExec, Path: "/b"},
		"a port of a file":         {Action: policy.FileRead, Path: "/b", Port: "1"},
		"relative":                 {Action: policy.FileRead, Path: "a"},
		"not an address":           {Action: policy.Network, Address: "x"},
		"not a port":               {Action: policy.Network, Port: "9-1"},
		"port 0":                   {Action: policy.Network, Port: "0"},
		"a URL with a port apart":  {Action: policy.Network, URL: "https://a.b", Port: "1"},
		"a pattern for a host":     {Action: policy.Network, Host: "*.example"},
		"a glob that is not one":   {Action: policy.FileRead, Path: "/a**"},
		"a place that is nowhere":  {Action: policy.FileRead, Path: "/gone/x"},
		"a place that cannot read": {Action: policy.FileRead, Path: "/bad/x"},
	} {
		env := policy.Env{Locate: func(path string) (string, string, error) {
			switch {
			case strings.HasPrefix(path, "/gone"):
				return "", "is mounted nowhere", nil
			case strings.HasPrefix(path, "/bad"):
				return "", "", errors.New("permission denied")
			}
			return path, "", nil
		}}
		if a, err := Ask(p, env, q); err == nil {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

// TestNetworkEqualsBruteForce asks about random blocks and ports.
func TestNetworkEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	count := map[Outcome]int{}
	for range 1500 {
		p := small.Policy(r)
		q := Question{Action: policy.Network, Address: []string{"10.0.0.0/9", "10.0.0.0/8", "::/0", "192.0.2.0/24", "10.1.1.1"}[r.IntN(5)],
			Port: []string{"", "22", "80-443"}[r.IntN(3)], NotEvenApproval: r.IntN(2) == 0}
		got, err := Ask(p, policy.Env{}, q)
		if err != nil {
			t.Fatal(err)
		}
		count[got.Outcome]++
		block, err := policy.ParseBlock(q.Address)
		if err != nil {
			t.Fatal(err)
		}
		bad := func(s policy.Subject) bool {
			e := policy.Reference(p, policy.Env{}, s).Effect
			in := block.Contains(netip.AddrFrom16(s.Addr.As16())) && (q.Port == "" || q.Port == "22" && s.Port == 22 || q.Port == "80-443" && s.Port >= 80 && s.Port <= 443)
			return in && (e == policy.Allow || q.NotEvenApproval && e == policy.RequireApproval)
		}
		if got.Outcome == Refuted && !bad(*got.Example) {
			t.Fatalf("%s is no counter-example", policy.SubjectText(*got.Example, nil))
		}
		for _, k := range []policy.Kind{policy.TCPKind, policy.UDPKind} {
			for _, s := range small.Subjects(k) {
				if got.Outcome == Proven && bad(s) {
					t.Fatalf("proven, but %s is allowed", policy.SubjectText(s, nil))
				}
			}
		}
	}
	if count[Proven] < 100 || count[Refuted] < 100 || count[Unknown] > 0 {
		t.Errorf("outcomes %v", count)
	}
}

// TestDeferredHosts: no connection has a host's name, so a rule that wants one denies whatever gets to it.
func TestDeferredHosts(t *testing.T) {
	for _, effect := range []string{"DENY", "ALLOW", "REQUIRE_APPROVAL"} {
		p, err := policy.Parse("f", []byte(`agent: a
rules:
  - { name: names, action: network, conditions: { host: { ends_with: .example }, port: { in: [1-1000] } }, effect: `+effect+` }
  - { name: web, action: network, conditions: { port: { in: [443, 8443] } }, effect: ALLOW }
`))
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			q    Question
			want Outcome
		}{
			{Question{Address: "10.0.0.0/8"}, Refuted}, {Question{Address: "10.0.0.0/8", Port: "1-8442"}, Proven},
			{Question{URL: "https://www.example"}, Proven}, {Question{URL: "https://www.other.org"}, Proven},
			{Question{URL: "https://www.other.org:8443"}, Refuted}, {Question{Host: "www.example", Port: "443"}, Proven},
		} {
			tc.q.Action, tc.q.NotEvenApproval = policy.Network, true
			a, err := Ask(p, policy.Env{}, tc.q)
			if err != nil || a.Outcome != tc.want || a.Later {
				t.Errorf("%s, %+v: %+v, %v", effect, tc.q, a, err)
			}
			// What is proven is what becomes of a connection.
			j, err := policy.NewJudge(p, policy.Env{}, "a")
			if err != nil {
				t.Fatal(err)
			}
			if tc.q.URL != "" {
				s, err := policy.URLSubject(tc.q.URL)
				if v := j.Decide(s); err != nil || (v.Effect == policy.Deny) != (tc.want == Proven) {
					t.Errorf("%s, %+v: %+v, %v", effect, tc.q, v, err)
				}
			}
		}
	}
}

// TestBound stops early: then nothing is proven.
func TestBound(t *testing.T) {
	p, err := policy.Parse("f", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	a, err := Ask(p, policy.Env{}, Question{Action: policy.FileRead, Path: "/a/b/c/d/e/f/**", States: 2})
	if err != nil || a.Outcome != Unknown {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAddresses has one address for each part of the set that a policy tells apart.
func TestAddresses(t *testing.T) {
	p, err := policy.Parse("f", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	s := &set{}
	block, err := policy.ParseBlock("169.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	s.blocks = []netip.Prefix{block}
	if got := s.addresses(policy.NewAutomaton(m.Runner)); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}
