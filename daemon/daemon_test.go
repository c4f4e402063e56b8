// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/client"
	"caisson/policy"
)

// disk is a directory whose files cannot be written while it is bad.
type disk struct {
	audit.Dir
	bad *atomic.Bool
}

type diskFile struct {
	audit.File
	bad *atomic.Bool
}

var errDisk = errors.New("disk is full")

func (d disk) Create(name string) (audit.File, error) {
	if d.bad.Load() {
		return nil, errDisk
	}
	f, err := d.Dir.Create(name)
	return diskFile{f, d.bad}, err
}

func (d disk) Resume(name string) (audit.File, error) {
	f, err := d.Dir.Resume(name)
	return diskFile{f, d.bad}, err
}

func (f diskFile) Write(b []byte) (int, error) {
	if f.bad.Load() {
		return 0, errDisk
	}
	return f.File.Write(b)
}

// running is a daemon with its background work.
type running struct {
	*Daemon
	client *client.Client
	reload chan struct{}
	stop   func() error
}

func run(t *testing.T, opt Options) *running {
	t.Helper()
	r := &running{Daemon: New(opt), client: client.New(opt.Socket), reload: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Daemon.Run(ctx, r.reload) }()

	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	until(t, func() bool {
		select {
		case err := <-ended:
			t.Fatalf("ended at once: %v", err)
		default:
		}
		_, err := r.client.Self(context.Background())
		return err == nil
	})
	return r
}

// until waits for something that happens soon.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen in time")
		}
	}
}

func TestRun(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	d := run(t, h.options())
	ctx := context.Background()

	s, err := d.client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if a := find(t, s, "a"); a.State != api.StateEnforced || a.Rules != 1 || a.ID == 0 || s.Version != "test" || len(s.Problems) != 0 {
		t.Errorf("status %+v", s)
	}
	if len(h.kernel.slices) != 1 || h.kernel.config.Slice == 0 || h.kernel.config.SliceLevel != 1 ||
		h.kernel.config.ControlIno == 0 || h.kernel.config.ControlDev != 8<<20|1 {
		t.Errorf("kernel was told %+v, %v", h.kernel.config, h.kernel.slices)
	}

	h.write(t, "a.yaml", reads("a", "/new"))
	r, err := d.client.Reload(ctx, "a")
	// The watch may have seen the file first: then nothing changes any more.
	if err != nil || len(r.Agents) != 1 || r.Agents[0].Generation <= find(t, s, "a").Generation {
		t.Errorf("reload %+v, %v", r, err)
	}
	h.write(t, "a.yaml", reads("a", "/third"))
	d.reload <- struct{}{}
	until(t, func() bool { return allows(t, h, "a", "/third/f") })

	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if !allows(t, h, "a", "/third/f") {
		t.Error("stopping the daemon ended enforcement")
	}
	if _, err := os.Stat(h.options().Socket); err == nil {
		t.Error("the socket is still there")
	}
	for kind, n := range map[audit.Kind]int{audit.KindBoot: 1, audit.KindDaemonStart: 1, audit.KindDaemonStop: 1, audit.KindPolicyLoad: 3, audit.KindAdmin: 1, audit.KindGap: 0} {
		if got := h.records(t, kind); len(got) != n {
			t.Errorf("%d %s records, want %d: %+v", len(got), kind, n, got)
		}
	}
	if report, err := audit.Verify(h.options().Audit); err != nil || report.Status != audit.OK {
		t.Errorf("verify: %v, %v", report, err)
	}
}

// event makes the kernel report that an agent read a file.
func (h *host) event(t *testing.T, agent, path string, n uint64) {
	t.Helper()
	r, ok := h.kernel.image(t, agent)
	if !ok {
		t.Fatalf("no image for %s", agent)
	}
	s, err := policy.PathSubject(policy.FileRead, path)
	if err != nil {
		t.Fatal(err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	e := layout.Event{N: n, Time: uint64(now.Nano()), Agent: h.kernel.ids[agent], Generation: r.Generation(), Op: layout.OpOpen, Dev: 8<<20 | 1,
		StartNode: r.Node(layout.RootRead), Verdict: r.Run(s).Word()}
	if r.Run(s).Effect != policy.Allow {
		e.Denied = 1
	}
	h.kernel.mu.Lock()
	h.kernel.seen[0] = max(h.kernel.seen[0], n)
	h.kernel.mu.Unlock()
	h.kernel.events <- fakeEvent{Event: e, path: path}
}

func TestEvents(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	d := run(t, h.options())

	h.event(t, "a", "/old/f", 1)
	h.event(t, "a", "/new/f", 2)
	h.event(t, "a", "/dev/null", 3)
	h.event(t, "a", "/old/g", 6) // 4 and 5 are lost
	until(t, func() bool { return d.status().Events.Missing == 2 })
	h.kernel.mu.Lock()
	h.kernel.seen[1] = 3 // none of the other CPU's has been read: they are in the buffer, as far as anybody can tell
	h.kernel.unread = 1
	h.kernel.mu.Unlock()
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if n := d.status().Events.Missing; n != 2 {
			t.Fatalf("%d events are given up while the buffer has not been read", n)
		}
	}
	h.kernel.mu.Lock()
	h.kernel.unread = 0 // and now all of them are lost
	h.kernel.mu.Unlock()
	until(t, func() bool { return d.status().Events.Missing == 5 })

	s := d.status()
	if a := find(t, s, "a"); a.Allowed != 3 || a.Denied != 1 || s.Events.Received != 4 || s.Events.Disagreements != 0 || s.Events.Seen != 9 {
		t.Errorf("status %+v", s)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}

	var opens []string
	for _, r := range h.records(t, audit.KindFileOpen) {
		opens = append(opens, r.Verdict+" "+r.Path+" "+r.Rule)
	}
	if got, want := strings.Join(opens, ","), "ALLOW /old/f reads,DENY /new/f ,ALLOW /old/g reads,ALLOW  baseline"; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
	total := uint64(0)
	for _, r := range h.records(t, audit.KindGap) {
		total += r.Counts["events"]
	}
	if total != 5 {
		t.Errorf("gap records count %d events", total)
	}
}

func TestRestart(t *testing.T) {
	tests := []struct {
		name  string
		crash bool   // the first daemon is killed
		state bool   // its state is still there
		lost  bool   // events 3 and 4 were lost while there was no daemon
		gaps  uint64 // events in gap records
		notes int    // gap records that say that it was killed
	}{
		{"clean", false, true, false, 0, 0},
		{"clean, with a loss", false, true, true, 2, 0},
		{"killed", true, true, false, 0, 1},
		{"killed, with a loss", true, true, true, 2, 1},
		{"killed, state gone", true, false, false, 0, 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "a.yaml", reads("a", "/old"))
			h.write(t, "b.yaml", reads("b", "/b"))
			d := h.up(t)
			generation := find(t, d.status(), "a").Generation
			feed := func(d *Daemon, n uint64) {
				h.event(t, "a", "/old/f", n)
				e := <-h.kernel.events
				d.sequence.Event(e.CPU, e.N, time.Now())
				if err := d.resolver.Handle(e.Event, []byte(e.path), nil); err != nil {
					t.Fatal(err)
				}
			}
			feed(d, 1)
			reader := layout.Event{N: 1, CPU: 1, Agent: h.kernel.ids["a"], Generation: generation, Op: layout.OpOpen}
			image, _ := h.kernel.image(t, "a")
			null, err := policy.PathSubject(policy.FileRead, "/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			reader.StartNode, reader.Verdict = image.Node(layout.RootRead), image.Run(null).Word()
			d.take(reader, []byte("/dev/null"), nil)
			if err := d.save(false); err != nil {
				t.Fatal(err)
			}
			feed(d, 2)
			if tc.crash {
				// What kill -9 leaves: a log without an end, a socket without a listener, the state of a second ago.
				if err := d.ledger.Close(); err != nil {
					t.Fatal(err)
				}
			} else if err := d.stop(nil); err != nil {
				t.Fatal(err)
			}
			if !tc.state {
				if err := os.Remove(d.statePath()); err != nil {
					t.Fatal(err)
				}
			}

			h.kernel = h.kernel.again()
			h.remove(t, "b.yaml")
			next := New(h.options())
			if err := next.start(); err != nil {
				t.Fatal(err)
			}
			if _, ok := h.kernel.image(t, "b"); ok {
				t.Error("an image that belongs to no policy is still in force")
			}
			if got := find(t, next.status(), "a").Generation; got != generation || !next.status().Adopted {
				t.Errorf("generation %d after %d, although nothing changed", got, generation)
			}
			if tc.lost {
				feed(next, 5)
			} else {
				feed(next, 3)
			}
			if err := next.holes(time.Now().Add(time.Minute), false); err != nil {
				t.Fatal(err)
			}
			if err := next.stop(nil); err != nil {
				t.Fatal(err)
			}

			events, notes := uint64(0), 0
			for _, r := range h.records(t, audit.KindGap) {
				events += r.Counts["events"]
				if r.Counts["events"] == 0 {
					notes++
				}
			}
			folded := uint64(0)
			for _, r := range h.records(t, audit.KindFileOpen) {
				folded += r.Count
			}
			// What was counted and not written is in the state; without it nothing is known of it.
			if want := map[bool]uint64{true: 1}[tc.state]; folded != want {
				t.Errorf("%d folded reads are in the log, want %d", folded, want)
			}
			if events != tc.gaps || notes != tc.notes {
				t.Errorf("%d events in gaps, %d notes", events, notes)
			}
		})
	}
}

func TestLogFailure(t *testing.T) {
	var bad atomic.Bool
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	opt := h.options()
	opt.Disk = func(d audit.Dir) audit.Dir { return disk{d, &bad} }
	d := run(t, opt)

	bad.Store(true)
	if _, err := d.client.Reload(context.Background(), "nobody"); err == nil {
		t.Error("reloaded a policy that is not there")
	}
	until(t, func() bool { return !allows(t, h, "a", "/old/f") })
	until(t, func() bool { s := d.status(); return len(s.Problems) > 0 && s.Audit.Error != "" })
	s := d.status()
	if find(t, s, "a").State != api.StateDenied || !strings.Contains(s.Problems[0], "denied everything") {
		t.Errorf("status %+v", s)
	}

	if _, err := d.client.Reload(context.Background(), ""); err == nil || allows(t, h, "a", "/old/f") {
		t.Errorf("reload with a log that still fails: %v", err)
	}
	bad.Store(false)
	if _, err := d.client.Reload(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	if !allows(t, h, "a", "/old/f") || len(d.status().Problems) != 0 {
		t.Errorf("not restored: %+v", d.status().Problems)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if gaps := h.records(t, audit.KindGap); len(gaps) != 1 || gaps[0].Counts["records"] == 0 {
		t.Errorf("the lost records are not counted: %+v", gaps)
	}
}

func TestRefusesToStart(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name   string
		change func(*testing.T, *host, *Options)
		says   string
	}{
		{"host cannot enforce", func(_ *testing.T, _ *host, o *Options) { o.Check = func() error { return boom } }, "boom"},
		{"programs cannot be loaded", func(_ *testing.T, _ *host, o *Options) { o.Load = func() (Kernel, error) { return nil, boom } }, "kernel programs: boom"},
		{"log is held by another daemon", func(t *testing.T, h *host, o *Options) {
			l, err := audit.Open(o.Audit, audit.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "lock"},
		{"no mount table", func(_ *testing.T, h *host, _ *Options) { h.entries = "" }, "no mounts"},
		{"no place for the socket", func(t *testing.T, h *host, o *Options) { o.Socket = filepath.Join(h.dir, "audit", "log.id", "s") }, "control socket"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			opt := h.options()
			tc.change(t, h, &opt)
			if err := New(opt).Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Run = %v, want an error with %q", err, tc.says)
			}
		})
	}
}

func TestHostsAreResolvedAgain(t *testing.T) {
	h := newHost(t)
	h.hosts["api.example"] = "192.0.2.1"
	h.write(t, "a.yaml", "agent: a\nrules:\n  - name: api\n    action: network\n    conditions: { host: { equals: api.example } }\n    effect: ALLOW\n")
	h.write(t, "b.yaml", reads("b", "/b"))
	opt := h.options()
	opt.Resolve = time.Second
	d := run(t, opt)
	before := d.status()

	h.mu.Lock()
	h.hosts["api.example"] = "192.0.2.2"
	h.mu.Unlock()
	until(t, func() bool { return find(t, d.status(), "a").Generation != find(t, before, "a").Generation })
	if find(t, d.status(), "b").Generation != find(t, before, "b").Generation {
		t.Error("an agent that does not name the host was touched")
	}

	h.mu.Lock()
	delete(h.hosts, "api.example")
	h.mu.Unlock()
	now := find(t, d.status(), "a").Generation
	until(t, func() bool { return len(d.status().Problems) == 1 })
	if find(t, d.status(), "a").Generation != now {
		t.Error("a look-up that failed changed what is in force")
	}
}

func TestRunIsRefused(t *testing.T) {
	h := newHost(t)
	d := run(t, h.options())
	// The client of a launch is tested in a VM; here it is enough that nobody gets an identity without a policy.
	_, err := backend{d.Daemon}.Run(context.Background(), peer(), api.RunRequest{Agent: "nobody"})
	var e *api.Error
	if !errors.As(err, &e) || e.Status != 404 || e.Hint == "" {
		t.Errorf("Run = %v", err)
	}
	if s := (backend{d.Daemon}).Self(peer()); s != (api.Self{}) {
		t.Errorf("Self = %+v", s)
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if _, known, err := readState(path, "b"); known || err != nil {
		t.Errorf("no file: %v, %v", known, err)
	}
	var st savedState
	st.Boot = "b"
	if err := writeState(path, st); err != nil {
		t.Fatal(err)
	}
	for boot, want := range map[string]bool{"b": true, "other": false} {
		if _, known, err := readState(path, boot); known != want || err != nil {
			t.Errorf("boot %s: %v, %v", boot, known, err)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, known, err := readState(path, "b"); known || err == nil {
		t.Errorf("torn file: %v, %v", known, err)
	}
}
