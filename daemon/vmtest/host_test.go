//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"caisson/audit"
	"caisson/daemon"
	"caisson/daemon/api"
	"caisson/daemon/client"
	"caisson/daemon/vmtest/actor"
)

const (
	daemonPath  = "/usr/sbin/caissond"
	commandPath = "/usr/bin/caisson"
	patience    = 180 * time.Second
)

// theHost is the machine under test.
var theHost = &host{}

type host struct {
	daemon *exec.Cmd
	exited chan error
}

func TestMain(m *testing.M) {
	actor.Program()
	actor.Main()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "vmtest:", err)
		return 1
	}
	if err := theHost.start(); err != nil {
		fmt.Fprintln(os.Stderr, "vmtest:", err)
		return 1
	}

	code := m.Run()
	if err := errors.Join(theHost.reckoning(), theHost.stop()); err != nil {
		fmt.Fprintln(os.Stderr, "vmtest:", err)
		return 1
	}
	return code
}

// prepare makes the files that the seed's policies speak of, and installs the stand-in for npm: a real program at the
// place where npm is, which the kernel executes as it would execute npm.
func prepare() error {
	// The root of the guest is a tmpfs, which anybody may write to; below such a root no program is trusted.
	if err := os.Chmod("/", 0o755); err != nil {
		return err
	}
	for _, dir := range []string{"/data/research", "/project/src/deep/er", "/project/docs", "/srv"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, file := range []string{"/data/research/dataset.csv", "/project/src/main.go", "/project/README.md", "/project/docs/a.md"} {
		if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
			return err
		}
	}

	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile("/usr/bin/npm", exe, 0o755), os.WriteFile("/usr/local/bin/tool", exe, 0o755))
}

// start starts the daemon and waits until it answers.
func (h *host) start() error {
	h.daemon = exec.Command(daemonPath, "--resolve-interval", "1s")
	h.daemon.Stdout, h.daemon.Stderr = os.Stderr, os.Stderr
	if err := h.daemon.Start(); err != nil {
		return err
	}

	h.exited = make(chan error, 1)
	go func() { h.exited <- h.daemon.Wait() }()

	deadline := time.After(patience)
	for {
		select {
		case err := <-h.exited:
			return fmt.Errorf("caissond ended: %w", err)
		case <-deadline:
			return errors.New("caissond does not answer")
		case <-time.After(20 * time.Millisecond):
			if _, err := h.status(); err == nil {
				return nil
			}
		}
	}
}

// crash ends the daemon with SIGKILL. It is started again when the test is over, if the test does not do so itself.
func (h *host) crash(t *testing.T) {
	t.Helper()
	if err := h.daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-h.exited
	h.daemon = nil
	t.Cleanup(func() {
		if h.daemon == nil {
			h.restart(t)
		}
	})
}

func (h *host) restart(t *testing.T) {
	t.Helper()
	if err := h.start(); err != nil {
		t.Fatal(err)
	}
}

// stop ends the daemon in good order.
func (h *host) stop() error {
	if err := h.daemon.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return <-h.exited
}

func (h *host) status() (api.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.New(api.DefaultSocket).Status(ctx)
}

// settle waits until the daemon has accounted for every event that there is, and what it wrote is on disk.
func (h *host) settle() (api.Status, error) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		now, err := h.status()
		if err != nil {
			return now, err
		}
		if now.Events.Pending == 0 && now.Audit.Queued == 0 && now.Audit.Durable >= now.Audit.Next {
			return now, nil
		}
		if time.Now().After(end) {
			return now, fmt.Errorf("the daemon does not catch up: %+v %+v", now.Events, now.Audit)
		}
	}
}

// reckoning is what must hold at the end, whatever the tests did.
func (h *host) reckoning() error {
	st, err := h.settle()
	if err != nil {
		return err
	}
	if e := st.Events; e.Disagreements != 0 || e.Lost != 0 || e.Missing != 0 || e.Seen != e.Submitted {
		return fmt.Errorf("events lost or decided twice differently: %+v", e)
	}
	if st.Events.Seen == 0 {
		return errors.New("no event was seen at all")
	}

	report, err := audit.Verify(daemon.DefaultAudit)
	if err != nil {
		return err
	}
	if report.Status != audit.OK {
		return fmt.Errorf("the log does not verify:\n%s", report)
	}
	return nil
}

// policy puts a policy in force for the duration of the test.
func (h *host) policy(t *testing.T, agent, text string) {
	t.Helper()
	file := filepath.Join(daemon.DefaultPolicies, agent+".yaml")
	before, err := os.ReadFile(file)
	had := err == nil

	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	h.reload(t, agent)
	h.resolved(t, ".example.test")
	t.Cleanup(func() {
		if had {
			err = os.WriteFile(file, before, 0o644)
		} else {
			err = os.Remove(file)
		}
		if err != nil {
			t.Error(err)
		}
		h.reload(t, agent)
	})
}

// resolved waits until the daemon knows the addresses of all hosts of a domain that policies name: it looks again every
// second, but Go's resolver believes for five that /etc/hosts is as it was.
func (h *host) resolved(t *testing.T, domain string) {
	t.Helper()
	eventually(t, "the addresses of "+domain, func() bool {
		st, err := h.status()
		return err == nil && !slices.ContainsFunc(st.Problems, func(p string) bool { return strings.Contains(p, domain) })
	})
}

// reload reloads one agent, which must work.
func (h *host) reload(t *testing.T, agent string) api.Reloaded {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := client.New(api.DefaultSocket).Reload(ctx, agent)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Agents) != 1 || r.Agents[0].Error != "" {
		t.Fatalf("reload %s: %+v", agent, r.Agents)
	}
	return r.Agents[0]
}

// records returns what the log holds for the filter, once everything that happened so far is in it.
func (h *host) records(t *testing.T, f audit.Filter) []audit.Record {
	t.Helper()
	if _, err := h.settle(); err != nil {
		t.Fatal(err)
	}
	var found []audit.Record
	err := audit.Query(daemon.DefaultAudit, f, func(r audit.Record) error {
		found = append(found, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
