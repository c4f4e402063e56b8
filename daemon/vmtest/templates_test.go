//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/daemon/vmtest/actor"
	"caisson/policy"
	"caisson/policy/templates"
)

// Each template does on a live kernel what its own tests say of files, for a run with a home directory and a workspace.
func TestVMTemplates(t *testing.T) {
	const home, workspace = "/root", "/tmpl-work"
	for _, name := range templates.Names() {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(workspace, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(workspace) })
			text, err := templates.Text(name, "tmpl-"+name, "")
			if err != nil {
				t.Fatal(err)
			}
			p, err := policy.Parse(name, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			launcher := []string{commandPath, "run", "--agent", p.Agent, "--"}
			if strings.Contains(text, "${WORKSPACE}") {
				launcher = []string{commandPath, "run", "--agent", p.Agent, "--workspace", workspace, "--"}
			}
			fill := strings.NewReplacer("${HOME}", home, "${WORKSPACE}", workspace, "${AGENT}", p.Agent)
			for i := range p.Cases {
				p.Cases[i].Text = fill.Replace(p.Cases[i].Text)
				provide(t, &p.Cases[i])
			}

			theHost.policy(t, p.Agent, text)
			c := started(t, p.Agent, "here", launcher...)
			tried := 0
			for _, tc := range p.Cases {
				flag := unix.O_RDONLY
				switch tc.Kind {
				case policy.CaseRead:
				case policy.CaseWrite:
					flag = unix.O_WRONLY
				default:
					continue
				}
				tried++
				ask := confined.denied
				if tc.Expect == policy.Allow {
					ask = func(c confined, r actor.Request) { c.allowed(r) }
				}
				ask(c, actor.Request{Op: "open", Path: tc.Text, Flag: flag})
			}
			if tried == 0 {
				t.Error("no case is about a file")
			}
		})
	}
}

// provide makes the file that a case is about, if there is none.
func provide(t *testing.T, c *policy.Case) {
	t.Helper()
	if c.Kind != policy.CaseRead && c.Kind != policy.CaseWrite {
		return
	}
	if _, err := os.Lstat(c.Text); !errors.Is(err, os.ErrNotExist) {
		return
	}
	if err := os.MkdirAll(filepath.Dir(c.Text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Text, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(c.Text) })
}
