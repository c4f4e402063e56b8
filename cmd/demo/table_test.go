// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/policy"
)

func testWorld() *world {
	addr := netip.MustParseAddr
	return &world{
		caisson: "/usr/bin/caisson", socket: "/run/x", npm: "/usr/bin/npm", cgroup: "/sys/fs/cgroup", path: agentPath,
		api:       target{name: "api.datasource.com", addr: addr("127.0.0.2"), port: 443},
		apiOther:  target{addr: addr("127.0.0.2"), port: 8443},
		deploy:    target{name: "deploy.internal.example.com", addr: addr("127.0.0.3"), port: 443},
		elsewhere: target{name: "files.example.net", addr: addr("127.0.0.4"), port: 443},
	}
}

// env is the guest as the daemon sees it when it compiles the policies.
func env(w *world) policy.Env {
	return policy.Env{
		LookPath: func(word string) (string, bool) { return "/usr/bin/" + word, true },
		LookupHost: func(host string) []netip.Addr {
			for _, t := range w.targets() {
				if t.name == host {
					return []netip.Addr{t.addr}
				}
			}
			return nil
		},
	}
}

// judged is what the kernel will judge, as a subject of the policy language.
func judged(t *testing.T, a *attempt) policy.Subject {
	t.Helper()
	if a.about.action == policy.Network {
		return policy.Subject{Action: policy.Network, Proto: policy.ProtoTCP, Addr: netip.MustParseAddr(a.about.addr), Port: a.about.port}
	}

	s, err := policy.PathSubject(policy.FileRead, a.about.path)
	if err != nil {
		t.Fatal(err)
	}
	s.Action = a.about.action
	if _, words, ok := strings.Cut(a.tried, "execve "); ok {
		words = strings.NewReplacer(" as npm, with", "", " (a copy)", "").Replace(words)
		for _, word := range strings.Fields(words)[1:] {
			s.Args = append(s.Args, []byte(word))
		}
	}
	return s
}

// TestExpectationsFollowFromThePolicies asks the specification about every line, so that what the demo expects is what
// the policies say and not what the kernel happens to do.
func TestExpectationsFollowFromThePolicies(t *testing.T) {
	set, err := policy.LoadDir("../../testdata/policies")
	if err != nil {
		t.Fatal(err)
	}

	effects := map[policy.Effect]string{policy.Allow: audit.VerdictAllow, policy.Deny: audit.VerdictDeny, policy.RequireApproval: audit.VerdictRequireApproval}
	w := testWorld()
	for _, a := range attempts(w) {
		if a.via != viaRun {
			continue
		}
		t.Run(a.agent+" "+a.tried, func(t *testing.T) {
			p := set.Policies[a.agent]
			v := policy.Reference(p, env(w), judged(t, &a))
			rule := ""
			if v.Rule >= 0 {
				rule = p.AllRules()[v.Rule].Name
			}
			if effects[v.Effect] != wants[a.want].verdict || rule != a.rule {
				t.Errorf("the policy says %s by %q, the demo expects %s by %q", v.Effect, rule, a.want, a.rule)
			}
		})
	}
}

// TestCoverage is what the demo promises to show.
func TestCoverage(t *testing.T) {
	all := attempts(testWorld())
	onHost, seen := 0, map[string]bool{}
	for _, a := range all {
		if seen[a.agent+a.tried] {
			t.Errorf("twice: %s %s", a.agent, a.tried)
		}
		seen[a.agent+a.tried] = true
		seen[a.agent+" "+a.want.String()] = true
		seen[a.about.op] = true
		if !a.named {
			onHost++
		}
		if a.effect.seen == nil || a.effect.text == "" {
			t.Errorf("%s %s: nothing shows whether it happened", a.agent, a.tried)
		}
		if a.want == deny && a.via != viaRefuse && a.reason == "" {
			t.Errorf("%s %s: no reason expected", a.agent, a.tried)
		}
	}

	if len(all) < 28 || onHost < 24 {
		t.Errorf("%d attempts, %d on a host; want at least 28 and 24", len(all), onHost)
	}
	for _, need := range []string{
		research + " allow", research + " deny", coding + " allow", coding + " deny",
		deployer + " allow", deployer + " deny", deployer + " approve", deployer + " refuse", deployer + " time out", ghost + " deny", nobody + " allow",
		"open", "create", "mkdir", "unlink", "rename-from", "rename-to", "link-from", "symlink", "setattr", "exec", "connect",
	} {
		if !seen[need] {
			t.Errorf("no attempt shows %q", need)
		}
	}
}

func TestCommand(t *testing.T) {
	w := testWorld()
	tests := []struct {
		name string
		a    attempt
		want []string
	}{
		{"run", attempt{agent: coding, argv: []string{"cat", "x"}},
			[]string{"/usr/bin/caisson", "run", "--socket", "/run/x", "--agent", coding, "--", "cat", "x"}},
		{"slice", attempt{agent: "my-ghost", via: viaSlice, argv: []string{"exec ls"}},
			[]string{"bash", "-c", `echo $$ > '/sys/fs/cgroup/caisson.slice/caisson-my\x2dghost.slice'/cgroup.procs && exec ls`}},
		{"plain", attempt{agent: nobody, via: viaPlain, argv: []string{"cat", "x"}}, []string{"cat", "x"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := w.command(&tc.a); !slices.Equal(got, tc.want) {
				t.Errorf("command is %q, want %q", got, tc.want)
			}
		})
	}
}
