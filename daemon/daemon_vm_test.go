//go:build vm

// SPDX-License-Identifier: Apache-2.0

package daemon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon"
	"caisson/daemon/api"
	"caisson/daemon/client"
	"caisson/daemon/kernel"
	"caisson/daemon/launch"
)

// The test's program is also the launcher and the agent: roles are told by the first argument.
const (
	roleLaunch = "-role=launch" // agent, program, arguments…
	roleAgent  = "-role=agent"  // reads requests from standard input
)

var base = "/tmp/daemon"

func init() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case roleLaunch:
		runtime.LockOSThread()
		err := launch.Exec(socket(), api.RunRequest{Agent: os.Args[2]}, os.Args[3:], os.Environ())
		fmt.Fprintln(os.Stderr, err)
		var e *launch.Error
		if errors.As(err, &e) {
			os.Exit(e.Exit)
		}
		os.Exit(1)
	case roleAgent:
		agent()
		os.Exit(7)
	}
}

// agent does what it is told, one request per line: "read PATH", "exec PROGRAM ARGS", "self", "reload", "status".
func agent() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		verb, rest, _ := strings.Cut(in.Text(), " ")
		answer := any("")
		var err error
		switch verb {
		case "read":
			_, err = os.ReadFile(rest)
		case "exec":
			err = exec.Command(strings.Fields(rest)[0], strings.Fields(rest)[1:]...).Run()
		case "self":
			answer, err = client.New(socket()).Self(context.Background())
		case "reload":
			_, err = client.New(socket()).Reload(context.Background(), "")
		case "status":
			_, err = client.New(socket()).Status(context.Background())
		}
		if err != nil {
			answer = err.Error()
		}
		b, _ := json.Marshal(answer)
		fmt.Println(string(b))
	}
}

func socket() string { return filepath.Join(base, "run", "control.sock") }

func options() daemon.Options {
	return daemon.Options{
		Policies: base + "/policies", Audit: base + "/audit", Socket: socket(), Version: "test",
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Load: func() (daemon.Kernel, error) {
			k, err := kernel.Load(kernel.Options{PinDir: "/sys/fs/bpf/caisson-daemon"})
			if err != nil {
				return nil, err
			}
			return k, nil
		},
	}
}

// up starts a daemon and returns what stops it.
func up(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- daemon.New(options()).Run(ctx, nil) }()
	c := client.New(socket())
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("daemon: %v", err)
		default:
		}
		if _, err := c.Self(ctx); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the daemon does not answer")
		}
	}
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("daemon: %v", err)
		}
	}
}

func status(t *testing.T) api.Status {
	t.Helper()
	s, err := client.New(socket()).Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// puppet is an agent that does what the test tells it.
type puppet struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func start(t *testing.T, agent string) *puppet {
	t.Helper()
	p := &puppet{cmd: exec.Command("/proc/self/exe", roleLaunch, agent, "/proc/self/exe", roleAgent)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *puppet) ask(t *testing.T, request string) string {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, request); err != nil {
		t.Fatal(err)
	}
	if !p.out.Scan() {
		t.Fatalf("no answer to %q: %v", request, p.out.Err())
	}
	return p.out.Text()
}

func (p *puppet) end(t *testing.T) {
	t.Helper()
	p.in.Close()
	err := p.cmd.Wait()
	var e *exec.ExitError
	if !errors.As(err, &e) || e.ExitCode() != 7 {
		t.Errorf("the agent's exit status is not its program's: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func policyFor(agent, dir string) string {
	return "agent: " + agent + "\nrules:\n  - name: reads\n    action: file_read\n    conditions: { path: { starts_with: " + dir + " } }\n    effect: ALLOW\n"
}

func check(t *testing.T, p *puppet, request, want string) {
	t.Helper()
	if got := p.ask(t, request); !strings.Contains(got, want) {
		t.Errorf("%s: %s, want %s", request, got, want)
	}
}

const (
	allowed = `""`
	denied  = "permission denied"
)

func TestVMDaemon(t *testing.T) {
	write(t, base+"/policies/a.yaml", policyFor("a-1", base+"/data"))
	write(t, base+"/policies/b.yaml", policyFor("b", base+"/b"))
	write(t, base+"/data/f", "x")
	write(t, base+"/b/f", "x")
	write(t, base+"/elsewhere/f", "x")
	stop := up(t)

	p := start(t, "a-1")
	check(t, p, "read "+base+"/data/f", allowed)
	check(t, p, "read "+base+"/b/f", denied)
	check(t, p, "exec /bin/busybox true", denied)
	check(t, p, "self", `"agent":"a-1"`)
	check(t, p, "reload", "is an agent")
	check(t, p, "status", "is an agent")

	if s := status(t); len(s.Problems) != 0 || s.Events.Disagreements != 0 || s.Events.Received == 0 || len(s.Agents) != 2 || len(s.Agents[0].Runs) != 1 {
		t.Errorf("status %+v", s)
	}

	// A bind mount on the host changes what the rule means, without a word to the daemon.
	if err := syscall.Mount(base+"/elsewhere", base+"/data", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return p.ask(t, "read "+base+"/elsewhere/f") == allowed })
	if err := unix.Unmount(base+"/data", 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return p.ask(t, "read "+base+"/data/f") == allowed })
	check(t, p, "read "+base+"/elsewhere/f", denied)

	before := status(t)
	write(t, base+"/policies/a.yaml", policyFor("a-1", base+"/elsewhere"))
	if r, err := client.New(socket()).Reload(context.Background(), "a-1"); err != nil || len(r.Agents) != 1 || r.Agents[0].Generation <= before.Agents[0].Generation {
		t.Errorf("reload %+v, %v", r, err)
	}
	check(t, p, "read "+base+"/elsewhere/f", allowed)
	check(t, p, "read "+base+"/data/f", denied)
	if after := status(t); after.Agents[1].Generation != before.Agents[1].Generation {
		t.Error("a reload of one agent touched another")
	}

	eventually(t, func() bool { return status(t).Events.Pending == 0 })
	stop()
	check(t, p, "read "+base+"/elsewhere/f", allowed)
	check(t, p, "read "+base+"/data/f", denied)
	stop = up(t)
	s := status(t)
	if !s.Adopted || len(s.Agents[0].Runs) != 1 || s.Events.Missing != 0 {
		t.Errorf("status after a restart %+v", s)
	}
	check(t, p, "read "+base+"/data/f", denied)

	if err := os.Remove(base + "/policies/a.yaml"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.New(socket()).Reload(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	check(t, p, "read "+base+"/elsewhere/f", denied)
	check(t, p, "read /dev/null", denied)
	p.end(t)
	eventually(t, func() bool { return len(status(t).Agents[0].Runs) == 0 })

	refused := exec.Command("/proc/self/exe", roleLaunch, "a-1", "/bin/busybox", "true")
	out, err := refused.CombinedOutput()
	if refused.ProcessState.ExitCode() != launch.ExitRefused || !strings.Contains(string(out), "no policy for agent") {
		t.Errorf("launch without a policy: %v, %s", err, out)
	}
	if s := status(t); s.Events.Disagreements != 0 || s.Events.Missing != 0 || s.Events.Lost != 0 {
		t.Errorf("events %+v", s.Events)
	}
	stop()
	reckon(t)
	if err := kernel.Detach("/sys/fs/bpf/caisson-daemon"); err != nil {
		t.Fatal(err)
	}
}

// reckon reads the log of it all.
func reckon(t *testing.T) {
	t.Helper()
	if r, err := audit.Verify(base + "/audit"); err != nil || r.Status != audit.OK {
		t.Errorf("log: %v, %v", r, err)
	}
	kinds := map[audit.Kind]int{}
	err := audit.Query(base+"/audit", audit.Filter{}, func(r audit.Record) error {
		kinds[r.Kind]++
		if r.Kind == audit.KindExec && r.Verdict == audit.VerdictAllow && (r.Agent != "a-1" || len(r.Run) != 12) {
			t.Errorf("exec is not attributed: %+v", r)
		}
		if r.Kind == audit.KindGap || r.Kind == audit.KindDisagreement {
			t.Errorf("%s: %s", r.Kind, r.Text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, n := range map[audit.Kind]int{audit.KindAgentStart: 1, audit.KindAgentStop: 1, audit.KindBoot: 1, audit.KindDaemonStart: 2,
		audit.KindDaemonStop: 2, audit.KindPolicyRemove: 1} {
		if kinds[kind] != n {
			t.Errorf("%d %s records, want %d", kinds[kind], kind, n)
		}
	}
	if kinds[audit.KindExec] < 2 || kinds[audit.KindFileOpen] < 8 || kinds[audit.KindAdmin] < 4 {
		t.Errorf("kinds %v", kinds)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen in time")
		}
	}
}
