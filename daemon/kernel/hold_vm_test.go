//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"caisson/bpf/layout"
	"caisson/policy"
	"golang.org/x/sys/unix"
)

// connectEnv makes the test program the child that connects to the address that each line names, and says what came of it.
const connectEnv = "CAISSON_TEST_CONNECT"

func init() {
	if os.Getenv(connectEnv) == "" {
		return
	}
	fmt.Println("ready") // its exec is over, which an agent's must have been judged to survive
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err == nil {
			var port int
			fmt.Sscan(lines.Text(), &port)
			err = unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port})
			unix.Close(fd)
		}
		fmt.Println(err)
	}
	os.Exit(0)
}

// A connect that a rule wants approved waits, and then it is as if nothing had been.
func TestVMHoldConnect(t *testing.T) {
	pins := "/sys/fs/bpf/caisson-test"
	k, err := Load(Options{PinDir: pins})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(k.Close(), Detach(pins)); err != nil {
			t.Error(err)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port

	p, err := policy.Parse("a.yaml", []byte("agent: a\nrules:\n  - { name: ask, action: network, conditions: { address: { equals: 127.0.0.1 } }, effect: REQUIRE_APPROVAL }\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.SetImage(1, m.Bytes(7), nil); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), connectEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	said := make(chan string)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			said <- lines.Text()
		}
	}()
	answer := func() string {
		t.Helper()
		select {
		case s := <-said:
			return s
		case <-time.After(20 * time.Second):
			t.Fatal("the child says nothing")
		}
		panic("not reached")
	}
	if s := answer(); s != "ready" {
		t.Fatal(s)
	}
	if err := k.Identify(cmd.Process.Pid, layout.Identity{Agent: 1, Slot: 1, Run: 1}); err != nil {
		t.Fatal(err)
	}

	events := make(chan layout.Event, 1024)
	go func() {
		defer close(events)
		for {
			e, _, _, err := k.Read()
			if err != nil {
				return
			}
			if e.Op == layout.OpConnect {
				events <- e
			}
		}
	}()
	next := func(reason uint8) layout.Event {
		t.Helper()
		select {
		case e := <-events:
			if e.Reason != reason || e.PID != uint32(cmd.Process.Pid) {
				t.Fatalf("%+v, want reason %d", e, reason)
			}
			return e
		case <-time.After(20 * time.Second):
			t.Fatal("no event")
		}
		panic("not reached")
	}
	fmt.Fprintln(in, port)
	if e := next(layout.ReasonUnattended); e.Denied != 1 || answer() != "permission denied" {
		t.Fatalf("nobody attends: %+v", e)
	}
	if err := k.Attend(time.Hour); err != nil {
		t.Fatal(err)
	}
	for round := range 20 {
		allow := uint32(round % 2)
		fmt.Fprintln(in, port)
		e := next(layout.ReasonHeld)
		if e.Hold == 0 || e.Denied != 0 {
			t.Fatalf("%+v", e)
		}
		if state := processState(t, cmd.Process.Pid); state != "T" {
			t.Errorf("the child is in state %s", state)
		}
		// Waking it changes nothing, and is no new question.
		for range round {
			if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if r, err := k.Requests(); err != nil || len(r) != 1 || r[e.Hold].TID != e.TID {
			t.Fatalf("questions: %+v, %v; want %d", r, err, e.Hold)
		}
		select {
		case s := <-said:
			t.Fatalf("the child says %q, and nobody has answered", s)
		default:
		}

		if err := k.Answer(e.Hold, layout.Answer{Allow: allow, Verdict: e.Verdict}); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		reason, want := uint8(layout.ReasonRefused), "permission denied"
		if allow == 1 {
			reason, want = layout.ReasonApproved, "<nil>"
		}
		if done := next(reason); done.Hold != e.Hold || done.Denied == uint8(allow) {
			t.Fatalf("%+v, want an answer to %d", done, e.Hold)
		}
		if got := answer(); got != want {
			t.Fatalf("round %d: connect: %s, want %s", round, got, want)
		}
		if r, err := k.Requests(); err != nil || len(r) != 0 {
			t.Fatalf("questions are left: %+v, %v", r, err)
		}
	}
}

// processState is the letter in /proc/PID/stat, once it is not R any more.
func processState(t *testing.T, pid int) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		state := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))[0]
		if state != "R" || time.Now().After(deadline) {
			return state
		}
	}
}
