// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"caisson/audit"
)

// TestTailFollows runs caisson audit tail -f as a process and sees a record that is written after it started.
func TestTailFollows(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l, err := audit.Open(dir, audit.Options{Boot: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, r := range sampleLog() {
		if _, err := l.AppendSync(r); err != nil {
			t.Fatal(err)
		}
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{"caisson", "audit", "tail", "-f", "-n", "1", "--json", "--audit", dir, "--agent", "coding-agent"}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()

	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"path":"/project/a"`) {
		t.Fatalf("first line %q, want the newest record of the agent", lines.Text())
	}
	for _, agent := range []string{"research-agent", "coding-agent"} {
		if _, err := l.AppendSync(audit.Record{Kind: audit.KindFileOpen, Agent: agent, Verdict: "DENY", Path: "/new"}); err != nil {
			t.Fatal(err)
		}
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), `"agent":"coding-agent"`) || !strings.Contains(lines.Text(), `"path":"/new"`) {
		t.Fatalf("second line %q, want the record written meanwhile", lines.Text())
	}
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
}
