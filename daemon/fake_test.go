// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/cgroup"
	"caisson/daemon/control"
	"caisson/daemon/mount"
	"caisson/daemon/watch"
	"caisson/policy"
)

// fakeKernel keeps what a kernel would keep. One value may serve several daemons one after the other, as pins do.
type fakeKernel struct {
	mu       sync.Mutex
	adopted  bool
	config   layout.Config
	ids      map[string]uint32
	slices   map[uint64]uint32
	images   map[uint32][]byte
	mounts   map[uint32]map[uint32]layout.MountNodes
	tasks    map[string]layout.Identity // by process
	seen     []uint64                   // per CPU
	events   chan fakeEvent
	closed   chan struct{}
	setCalls int
	failSet  error
	attended time.Duration
	unread   int // bytes
	requests map[uint64]layout.Request
	answers  map[uint64]layout.Answer
}

type fakeEvent struct {
	layout.Event
	path, argv string
}

func newFakeKernel() *fakeKernel {
	return &fakeKernel{ids: map[string]uint32{}, slices: map[uint64]uint32{}, images: map[uint32][]byte{}, tasks: map[string]layout.Identity{},
		mounts: map[uint32]map[uint32]layout.MountNodes{}, seen: make([]uint64, 2), events: make(chan fakeEvent, 64), closed: make(chan struct{}), requests: map[uint64]layout.Request{}, answers: map[uint64]layout.Answer{}}
}

// again is the same kernel for the next daemon.
func (k *fakeKernel) again() *fakeKernel {
	k.adopted, k.closed = true, make(chan struct{})
	return k
}

func (k *fakeKernel) Adopted() bool { return k.adopted }
func (k *fakeKernel) Attend(d time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.attended = d
	return nil
}
func (k *fakeKernel) Requests() (map[uint64]layout.Request, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.requests), nil
}
func (k *fakeKernel) Answer(id uint64, a layout.Answer) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers[id] = a
	return nil
}
func (k *fakeKernel) Forget(id uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.requests, id)
	delete(k.answers, id)
	return nil
}
func (k *fakeKernel) SetConfig(c layout.Config) error {
	k.config = c
	return nil
}
func (k *fakeKernel) AgentID(name string) (uint32, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ids[name] == 0 {
		k.ids[name] = uint32(len(k.ids) + 1)
	}
	return k.ids[name], nil
}
func (k *fakeKernel) Agents() (map[string]uint32, error) { return maps.Clone(k.ids), nil }
func (k *fakeKernel) BindSlice(cg uint64, agent uint32) error {
	k.slices[cg] = agent
	return nil
}
func (k *fakeKernel) SetImage(agent uint32, image []byte, nodes map[uint32]layout.MountNodes) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failSet != nil {
		return k.failSet
	}
	r, err := policy.OpenImage(image)
	if err != nil {
		return err
	}
	k.setCalls++
	k.images[agent], k.mounts[r.Generation()] = image, nodes
	return nil
}
func (k *fakeKernel) Image(agent uint32) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.images[agent], nil
}
func (k *fakeKernel) RemoveImage(agent uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.images, agent)
	return nil
}
func (k *fakeKernel) SetMounts(generation uint32, nodes map[uint32]layout.MountNodes) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mounts[generation] = nodes
	return nil
}
func (k *fakeKernel) Generation(agent uint32) uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r, err := policy.OpenImage(k.images[agent]); err == nil {
		return r.Generation()
	}
	return 0
}
func (k *fakeKernel) Slots() []uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.images))
}
func (k *fakeKernel) Identify(int, layout.Identity) error { return nil }

// IdentityOf knows processes by number, as task storage does.
func (k *fakeKernel) IdentityOf(pidfd int) (layout.Identity, bool, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return layout.Identity{}, false, err
	}
	_, rest, _ := strings.Cut(string(b), "\nPid:\t")
	pid, _, _ := strings.Cut(rest, "\n")
	k.mu.Lock()
	defer k.mu.Unlock()
	id, ok := k.tasks[pid]
	return id, ok, nil
}
func (k *fakeKernel) Read() (layout.Event, []byte, []byte, error) {
	select {
	case e := <-k.events:
		return e.Event, []byte(e.path), []byte(e.argv), nil
	case <-k.closed:
		return layout.Event{}, nil, nil, os.ErrClosed
	}
}
func (k *fakeKernel) Unread() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unread
}
func (k *fakeKernel) Counters() ([]layout.Counters, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []layout.Counters
	for _, n := range k.seen {
		out = append(out, layout.Counters{Seen: n, Submitted: n})
	}
	return out, nil
}
func (k *fakeKernel) Close() error {
	close(k.closed)
	return nil
}

// image returns what is in force for an agent; false: nothing.
func (k *fakeKernel) image(t *testing.T, agent string) (policy.Runner, bool) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok := k.images[k.ids[agent]]
	if !ok {
		return policy.Runner{}, false
	}
	r, err := policy.OpenImage(b)
	if err != nil {
		t.Fatal(err)
	}
	return r, true
}

// host is the directories of one test, which outlive a daemon.
type host struct {
	kernel *fakeKernel
	dir    string

	mu      sync.Mutex
	entries string // mountinfo
	hosts   map[string]string
	links   map[string]string // symlinks
	homes   map[uint32]string
	now     time.Time // zero: the real time
}

func (h *host) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now.IsZero() {
		return time.Now().Round(0)
	}
	return h.now
}

func (h *host) set(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{kernel: newFakeKernel(), dir: t.TempDir(), homes: map[uint32]string{}, hosts: map[string]string{}, links: map[string]string{}, entries: "1 0 8:1 / / rw - ext4 /dev/sda rw\n"}
	for _, d := range []string{"policies", "cgroup"} {
		if err := os.Mkdir(filepath.Join(h.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Not the hooks of the host that runs the tests.
	if err := os.WriteFile(h.hooks(), []byte("hooks: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) hooks() string { return filepath.Join(h.dir, "hooks.yaml") }

func (h *host) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, "policies", file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *host) remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(filepath.Join(h.dir, "policies", file)); err != nil {
		t.Fatal(err)
	}
}

func (h *host) mounts() (*mount.Table, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	entries, err := mount.Parse([]byte(h.entries))
	if err != nil {
		return nil, err
	}
	return mount.New(entries, func(path string) (string, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if target, ok := h.links[path]; ok {
			return target, nil
		}
		return "", syscall.EINVAL
	})
}

func (h *host) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.hosts[name]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, errors.New("no such host")
}

func (h *host) options() Options {
	return Options{
		Policies: filepath.Join(h.dir, "policies"), Audit: filepath.Join(h.dir, "audit"), Socket: filepath.Join(h.dir, "run", "s"),
		Hooks:   h.hooks(),
		Version: "test", Log: slog.New(slog.DiscardHandler), Resolve: time.Hour, Watch: watch.Times{Quiet: time.Hour, Most: time.Hour, Retry: time.Hour},
		Home: func(uid uint32) (string, error) { return h.homes[uid], nil }, Clock: h.clock,
		Load:   func() (Kernel, error) { return h.kernel, nil },
		Check:  func() error { return nil },
		Tree:   func() (*cgroup.Tree, error) { return cgroup.Open(filepath.Join(h.dir, "cgroup")) },
		Mounts: h.mounts, Lookup: h.lookup,
	}
}

// up starts a daemon without its background work and closes it when the test ends.
func (h *host) up(t *testing.T) *Daemon {
	t.Helper()
	d := New(h.options())
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A test may have stopped it already.
		_, _, _ = d.socket.Close(), d.watcher.Close(), d.ledger.Close()
	})
	return d
}

// records returns the log's records of a kind.
func (h *host) records(t *testing.T, kind audit.Kind) []audit.Record {
	t.Helper()
	var out []audit.Record
	err := audit.Query(filepath.Join(h.dir, "audit"), audit.Filter{Kind: kind}, func(r audit.Record) error {
		out = append(out, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// find returns the status of an agent.
func find(t *testing.T, s api.Status, agent string) api.Agent {
	t.Helper()
	for _, a := range s.Agents {
		if a.Agent == agent {
			return a
		}
	}
	t.Fatalf("no agent %q in the status", agent)
	return api.Agent{}
}

// reads is a policy that allows an agent to read below a directory.
func reads(agent, dir string) string {
	return "agent: " + agent + "\nrules:\n  - name: reads\n    action: file_read\n    conditions: { path: { starts_with: " + dir + " } }\n    effect: ALLOW\n"
}

// peer is this process as a peer of the control socket.
func peer() control.Peer { return control.Peer{PID: os.Getpid(), UID: uint32(os.Geteuid()), Pidfd: -1} }
