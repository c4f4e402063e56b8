//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/bpf/layout"
	"caisson/policy"
)

// stressEnv makes the test program the child: "THREADS EACH". Every thread connects to addresses that nobody else does, one
// after the other, and nobody listens there. It waits first, until it is made an agent, and then executes itself, so that
// all its threads are the agent's; stressedEnv says that it has.
const (
	stressEnv   = "CAISSON_TEST_STRESS"
	stressedEnv = "CAISSON_TEST_STRESSED"
)

func init() {
	words := os.Getenv(stressEnv)
	if words == "" {
		return
	}
	var threads, each int
	if _, err := fmt.Sscan(words, &threads, &each); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if os.Getenv(stressedEnv) == "" {
		fmt.Println("ready")
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			os.Exit(1)
		}
		fmt.Println(unix.Exec("/proc/self/exe", os.Args, append(os.Environ(), stressedEnv+"=1"))) // on the thread that was named
		os.Exit(1)
	}
	allowed := make([]byte, (threads*each+7)/8)
	var strange atomic.Uint32
	var mu sync.Mutex
	var all sync.WaitGroup
	for thread := range threads {
		all.Go(func() {
			runtime.LockOSThread()
			for n := range each {
				i := thread*each + n
				switch err := tryConnect(i); {
				case errors.Is(err, unix.ECONNREFUSED):
					mu.Lock()
					allowed[i/8] |= 1 << (i % 8)
					mu.Unlock()
				case !errors.Is(err, unix.EACCES):
					strange.Add(1)
				}
			}
		})
	}
	all.Wait()
	fmt.Println(strange.Load(), hex.EncodeToString(allowed))
	os.Exit(0)
}

// stressAddress is the address of operation i.
func stressAddress(i int) (a [4]byte) {
	binary.BigEndian.PutUint32(a[:], 127<<24|1<<22|uint32(i))
	return a
}

func tryConnect(i int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrInet4{Addr: stressAddress(i), Port: 9})
}

// Many threads of one process wait for answers at the same time, all of them random: each does exactly what it was
// answered, and every question is asked and answered once. CAISSON_STRESS=10000 has every thread ask as often.
func TestVMHoldStress(t *testing.T) {
	const threads = 64
	each := 60
	if s := os.Getenv("CAISSON_STRESS"); s != "" {
		if _, err := fmt.Sscan(s, &each); err != nil {
			t.Fatal(err)
		}
	}
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
	p, err := policy.Parse("a.yaml", []byte("agent: a\nrules:\n  - { name: ask, action: network, conditions: { address: { equals: 127.0.0.0/8 } }, effect: REQUIRE_APPROVAL }\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := policy.Compile(p, policy.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.SetImage(1, m.Bytes(7), nil), k.Attend(24*time.Hour)); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", stressEnv, threads, each))
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
	defer cmd.Wait()
	defer cmd.Process.Kill()
	said := bufio.NewReaderSize(out, 1<<20)
	if line, err := said.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := k.Identify(cmd.Process.Pid, layout.Identity{Agent: 1, Slot: 1, Run: 1, Flags: layout.TaskLaunch}); err != nil {
		t.Fatal(err)
	}

	random := rand.New(rand.NewPCG(1, 2))
	var open atomic.Int64 // answers that have not been used
	stop := make(chan bool)
	go func() { // as daemon/holds does: again, until every answer is used
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if open.Load() > 0 {
				cmd.Process.Signal(unix.SIGCONT)
			}
		}
	}()
	defer close(stop)
	fmt.Fprintln(in, "go")

	want := make([]byte, (threads*each+7)/8)
	answered := map[uint64]bool{} // by question: not used yet
	asked := map[uint32]bool{}    // by address
	done := map[uint32]bool{}     // by address
	used := 0
	for used < threads*each {
		e, _, _, err := k.Read()
		if err != nil {
			t.Fatal(err)
		}
		if e.Op != layout.OpConnect {
			continue
		}
		i := binary.BigEndian.Uint32(e.Addr[12:]) - (127<<24 | 1<<22)
		switch e.Reason {
		case layout.ReasonHeld:
			if asked[i] || e.Hold == 0 {
				t.Fatalf("operation %d is asked twice, or as question %d", i, e.Hold)
			}
			asked[i] = true
			allow := uint32(random.IntN(2))
			want[i/8] |= byte(allow << (i % 8))
			answered[e.Hold] = true
			if err := k.Answer(e.Hold, layout.Answer{Allow: allow, Verdict: e.Verdict}); err != nil {
				t.Fatal(err)
			}
			open.Add(1)
			cmd.Process.Signal(unix.SIGCONT)
		case layout.ReasonApproved, layout.ReasonRefused:
			allow := want[i/8]>>(i%8)&1 == 1
			if e.Hold == 0 && allow && done[i] && e.Denied == 0 {
				continue // it was connecting when the process was stopped: the kernel repeats it, and nobody is asked again
			}
			if !answered[e.Hold] || allow != (e.Denied == 0) || allow != (e.Reason == layout.ReasonApproved) {
				t.Fatalf("operation %d: %+v; approved: %t", i, e, allow)
			}
			delete(answered, e.Hold)
			open.Add(-1)
			done[i] = true
			used++
		default:
			t.Fatalf("operation %d: %+v", i, e)
		}
	}
	line, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	strange, got, _ := strings.Cut(strings.TrimSpace(line), " ")
	if strange != "0" || got != hex.EncodeToString(want) {
		t.Errorf("%s operations failed with another error; what was done is what was answered: %t", strange, got == hex.EncodeToString(want))
	}
	if r, err := k.Requests(); err != nil || len(r) != 0 {
		t.Errorf("%d questions are left, %v", len(r), err)
	}
}
