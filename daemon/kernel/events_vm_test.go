//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"caisson/bpf/layout"
	"golang.org/x/sys/unix"
)

// burstEnv makes the test program the child that opens files when it is told to.
const burstEnv = "CAISSON_TEST_BURST"

// burst is how often the child opens a file, one time after the other, in much less than the time for which the reader is not woken.
const burst = 40

func init() {
	if os.Getenv(burstEnv) == "" {
		return
	}
	// Only now is its exec over, which an agent's must have been judged to survive.
	line := []byte{'r'}
	_, err := os.Stdout.Write(line)
	for err == nil {
		if _, err = os.Stdin.Read(line); err != nil {
			break
		}
		for range burst {
			if _, err := unix.Open("/", unix.O_RDONLY, 0); err != unix.EACCES {
				os.Exit(1)
			}
		}
		_, err = os.Stdout.Write(line)
	}
	if !errors.Is(err, io.EOF) {
		os.Exit(1)
	}
	os.Exit(0)
}

// A CPU wakes the reader once and then leaves it alone for a while. What it writes meanwhile is read all the same, and long
// before the last look of a reader that has gone to sleep.
func TestVMReadsWhatItIsNotWokenFor(t *testing.T) {
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

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), burstEnv+"=1")
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
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Errorf("the child: %v", err)
		}
	})
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// Without an image everything is refused; reading and writing what is open is not asked about.
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
			events <- e
		}
	}()

	for round := range 5 {
		time.Sleep(3 * lookLast / 2) // now the reader sleeps, at whatever point of its second
		began := time.Now()
		if _, err := in.Write([]byte{'x'}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		for n := range burst {
			select {
			case e := <-events:
				if e.PID != uint32(cmd.Process.Pid) || e.Denied != 1 || e.Reason != layout.ReasonNoPolicy {
					t.Errorf("round %d: event %d is %+v", round, n, e)
				}
			case <-time.After(lookLast / 2):
				t.Fatalf("round %d: %d of %d events %v after the first file was opened", round, n, burst, time.Since(began))
			}
		}
	}
}
