// SPDX-License-Identifier: Apache-2.0

package templates

import (
	"slices"
	"strings"
	"testing"

	"caisson/policy"
	"caisson/policy/trial"
)

// TestTemplates: each is a valid policy that passes its own tests, also on a host where nothing that it names is installed,
// and under another name in a directory of its own.
func TestTemplates(t *testing.T) {
	installed := policy.Env{LookPath: func(w string) (string, bool) {
		if strings.HasPrefix(w, "/") {
			return w, true
		}
		return "/usr/bin/" + w, true
	}, Shells: []string{"/usr/bin/sh", "/usr/bin/bash"}}
	if want := []string{"claude-code", "codex", "coding", "deploy", "mcp-server", "research"}; !slices.Equal(Names(), want) {
		t.Errorf("there are templates %q, want %q", Names(), want)
	}
	for _, name := range Names() {
		for _, arg := range []struct{ agent, workspace string }{{"", ""}, {"site-agent", "/srv/a-b/c.d"}} {
			for where, env := range map[string]policy.Env{"installed": installed, "bare": {}} {
				t.Run(name+"/"+arg.agent+"/"+where, func(t *testing.T) { check(t, name, arg.agent, arg.workspace, env) })
			}
		}
	}
}

func check(t *testing.T, name, agent, workspace string, env policy.Env) {
	text, err := Text(name, agent, workspace)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(name+".yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if agent != "" && p.Agent != agent {
		t.Errorf("the agent is %q", p.Agent)
	}
	if workspace != "" && slices.Contains(p.Variables, "WORKSPACE") {
		t.Errorf("the workspace is still a variable")
	}
	if len(p.Cases) < 5 || p.Description == "" {
		t.Errorf("%d cases, description %q", len(p.Cases), p.Description)
	}
	for _, o := range trial.Run(p, p.Cases, env) {
		if o.Failed {
			t.Errorf("%s: %s", o.Case.Name, o.Difference())
		}
	}
}

// TestUnknownTemplate names those that there are.
func TestUnknownTemplate(t *testing.T) {
	for _, name := range []string{"x", "", "../templates/coding", "templates.go"} {
		if _, err := Text(name, "", ""); err == nil || !strings.Contains(err.Error(), "claude-code, codex") {
			t.Errorf("template %q: %v", name, err)
		}
	}
}

// TestWorkspace: a directory that would change what a rule says is refused.
func TestWorkspace(t *testing.T) {
	for _, dir := range []string{"/", "srv", "/srv/", "/srv//x", "/srv/../x", "/srv/a b", "/srv/it's", "/srv/*", "/srv/$x", "/srv/.x/", "/srv/\n"} {
		if text, err := Text("coding", "", dir); err == nil {
			t.Errorf("workspace %q is taken:\n%s", dir, text)
		}
	}
}
