// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// killDir, when set, makes this test binary a writer that appends until it is
// killed and prints the number of each record that was acknowledged.
const killDir = "AUDIT_TEST_KILL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		appendForever(dir)
	}
	os.Exit(m.Run())
}

func appendForever(dir string) {
	l, err := Open(dir, Options{SegmentBytes: 30 << 10, Delay: time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if l.Append(event(i)) != nil {
			os.Exit(1)
		}
		seq, err := l.AppendSync(Record{Kind: KindAdmin, Text: "acked"})
		if err != nil {
			os.Exit(1)
		}
		fmt.Println(seq)
	}
}

// kill -9 at any moment loses nothing that was acknowledged, leaves no lock
// behind, and is never taken for tampering.
func TestKilledWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	acked := map[uint64]bool{}
	for round := range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		scan := bufio.NewScanner(out)
		for n := 0; scan.Scan(); n++ {
			var seq uint64
			if _, err := fmt.Sscan(scan.Text(), &seq); err != nil {
				break // the last line may be cut
			}
			acked[seq] = true
			if n == 30+17*round {
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		if r := mustVerify(t, dir); r.Status == Tampered || r.Live {
			t.Fatalf("round %d: %v", round, r)
		}
	}
	l := mustOpen(t, dir, Options{})
	if p := l.Recovered().Problems; len(p) > 0 {
		t.Errorf("problems %q", p)
	}
	mustClose(t, l)
	found := 0
	for _, r := range mustQuery(t, dir, Filter{Kind: KindAdmin}) {
		if acked[r.Seq] {
			found++
		}
	}
	if found != len(acked) || found < 200 {
		t.Errorf("%d acknowledged records, %d found", len(acked), found)
	}
}
