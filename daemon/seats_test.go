// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/cgroup"
	"caisson/policy"
)

// workers is a policy whose agent may read its workspace.
const workers = "agent: a\nrules:\n  - name: own\n    action: file_read\n    conditions: { path: { starts_with: \"${WORKSPACE}\" } }\n    effect: ALLOW\n"

// begin starts what the daemon makes of a run: a scope and a seat, with a process that has the slot. What a launch adds to
// that is tested in a virtual machine.
func (h *host) begin(t *testing.T, d *Daemon, workspace string, pid int) (cgroup.Run, *slot) {
	t.Helper()
	h.homes[0], h.homes[uint32(os.Geteuid())] = "/home/u", "/home/u"
	d.change.Lock()
	defer d.change.Unlock()
	a := d.agent("a")
	s, err := d.slotFor(a, peer(), api.RunRequest{Agent: "a", Workspace: workspace})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.tree.NewRun("a")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(d.sit(r.ID, s), os.WriteFile(filepath.Join(r.Dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644),
		os.WriteFile(filepath.Join(r.Dir, "cgroup.events"), []byte("populated 1\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	h.kernel.mu.Lock()
	h.kernel.tasks[strconv.Itoa(pid)] = layout.Identity{Agent: a.id, Slot: s.number}
	h.kernel.mu.Unlock()
	return r, s
}

// runsOf lists the scopes that are there.
func (d *Daemon) runsOf(t *testing.T) []cgroup.Run {
	t.Helper()
	runs, err := d.tree.Runs()
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// reads says whether whoever is in a slot may read a file.
func (h *host) reads(t *testing.T, slot uint32, path string) bool {
	t.Helper()
	h.kernel.mu.Lock()
	defer h.kernel.mu.Unlock()
	b, ok := h.kernel.images[slot]
	if !ok {
		return false
	}
	r, err := policy.OpenImage(b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.PathSubject(policy.FileRead, path)
	if err != nil {
		t.Fatal(err)
	}
	return r.Run(s).Effect == policy.Allow
}

// spaces are two directories that exist.
func spaces(t *testing.T) (one, two string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one, two = top+"/one", top+"/two"
	if err := errors.Join(os.Mkdir(one, 0o755), os.Mkdir(two, 0o755)); err != nil {
		t.Fatal(err)
	}
	return one, two
}

// Runs with the same variables share an image, others have their own, and without any there is none.
func TestSeats(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", workers)
	d := h.up(t)
	one, two := spaces(t)
	if s := find(t, d.status(), "a"); s.State != api.StatePerRun || len(s.Variables) != 1 || s.Rules != 1 || s.Generation != 0 {
		t.Errorf("status %+v", s)
	}
	if len(h.kernel.images) != 0 {
		t.Error("a policy with variables has an image of its own")
	}

	first, at := h.begin(t, d, one, 1)
	second, same := h.begin(t, d, one, 1)
	third, other := h.begin(t, d, two, 1)
	if at != same || at == other || at.number < layout.MaxAgents || other.number < layout.MaxAgents {
		t.Fatalf("slots %d, %d, %d", at.number, same.number, other.number)
	}
	for _, tc := range []struct {
		slot uint32
		path string
		want bool
	}{{at.number, one + "/f", true}, {at.number, two + "/f", false}, {other.number, two + "/f", true}, {other.number, one + "/f", false}, {d.agent("a").id, one + "/f", false}} {
		if got := h.reads(t, tc.slot, tc.path); got != tc.want {
			t.Errorf("slot %d reads %s: %v", tc.slot, tc.path, got)
		}
	}
	s := find(t, d.status(), "a")
	if len(s.Images) != 2 || s.Images[0].Variables["WORKSPACE"] != one || s.Images[0].Variables["HOME"] != "/home/u" || s.Images[1].Generation == 0 || s.Generation != s.Images[1].Generation {
		t.Errorf("images %+v", s.Images)
	}

	d.ended(first)
	if !h.reads(t, at.number, one+"/f") {
		t.Error("the end of one run took the image of another")
	}
	d.ended(second)
	d.ended(second) // its scope could not be removed at first
	if _, there := h.kernel.images[at.number]; there || len(find(t, d.status(), "a").Images) != 1 {
		t.Error("an image outlives its runs")
	}
	if again, s := h.begin(t, d, one, 1); s.number == at.number {
		t.Errorf("run %s has a number that has just been given back", again.ID)
	}
	d.ended(third)
	if h.reads(t, other.number, two+"/f") {
		t.Error("an image outlives its run")
	}
}

// Whatever changes what is in force reaches the images of runs.
func TestSeatsFollow(t *testing.T) {
	one, two := spaces(t)
	tests := []struct {
		name   string
		change func(*testing.T, *host, *Daemon)
		one    bool // the run in one reads one
		also   bool // it reads /also
		state  string
	}{
		{"other rules", func(t *testing.T, h *host, d *Daemon) {
			h.write(t, "a.yaml", workers+"  - { name: also, action: file_read, effect: ALLOW, conditions: { path: { equals: /also } } }\n")
			reloaded(t, d, "")
		}, true, true, api.StatePerRun},
		{"no variables any more", func(t *testing.T, h *host, d *Daemon) { h.write(t, "a.yaml", reads("a", "/also")); reloaded(t, d, "a") }, false, true, api.StateEnforced},
		{"does not load", func(t *testing.T, h *host, d *Daemon) {
			h.write(t, "a.yaml", "agent: a\nrulez: []\n")
			reloaded(t, d, "")
		}, true, false, api.StatePerRun},
		{"removed", func(t *testing.T, h *host, d *Daemon) { h.remove(t, "a.yaml"); reloaded(t, d, "") }, false, false, api.StateDenied},
		{"removed and there again", func(t *testing.T, h *host, d *Daemon) {
			h.remove(t, "a.yaml")
			reloaded(t, d, "")
			h.write(t, "a.yaml", workers)
			reloaded(t, d, "")
		}, true, false, api.StatePerRun},
		{"mounted over", func(t *testing.T, h *host, d *Daemon) {
			h.mu.Lock()
			h.entries += "3 1 8:3 / /also rw - ext4 /dev/sdc rw\n4 1 8:3 / " + one + " rw - ext4 /dev/sdc rw\n"
			h.mu.Unlock()
			d.remount()
		}, false, true, api.StatePerRun},
		{"log failed", func(t *testing.T, h *host, d *Daemon) {
			if err := d.withdraw(d.agent("a"), "test"); err != nil {
				t.Fatal(err)
			}
		}, false, false, api.StateDenied},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "a.yaml", workers)
			d := h.up(t)
			_, s := h.begin(t, d, one, 1)
			_, other := h.begin(t, d, two, 1)
			tc.change(t, h, d)
			if got := h.reads(t, s.number, one+"/f"); got != tc.one {
				t.Errorf("reads its workspace: %v", got)
			}
			if got := h.reads(t, s.number, "/also"); got != tc.also {
				t.Errorf("reads /also: %v", got)
			}
			if h.reads(t, s.number, two+"/f") || h.reads(t, other.number, one+"/f") {
				t.Error("one run reads the other's workspace")
			}
			if got := find(t, d.status(), "a").State; got != tc.state {
				t.Errorf("state %s", got)
			}
		})
	}
}

// A run that began before its policy had variables cannot be given any.
func TestPolicyGetsVariables(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	d := h.up(t)
	r, err := d.tree.NewRun("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "cgroup.events"), []byte("populated 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.runs.Adopt(); err != nil {
		t.Fatal(err)
	}
	h.write(t, "a.yaml", workers)
	reloaded(t, d, "")
	if allows(t, h, "a", "/old/f") {
		t.Error("the old policy is still in force")
	}
	s := find(t, d.status(), "a")
	if s.State != api.StatePerRun || !strings.Contains(s.Problem, "1 runs are denied everything") {
		t.Errorf("status %+v", s)
	}
	h.write(t, "a.yaml", reads("a", "/old"))
	reloaded(t, d, "")
	if s := find(t, d.status(), "a"); !allows(t, h, "a", "/old/f") || s.State != api.StateEnforced || s.Problem != "" {
		t.Errorf("status %+v", s)
	}
}

// Over a restart nothing of a run with variables is lost, and nothing becomes allowed that was not.
func TestSeatsOutliveTheDaemon(t *testing.T) {
	one, two := spaces(t)
	me := os.Getpid()
	tests := []struct {
		name   string
		change func(*testing.T, *host, *Daemon, *slot)
		kept   bool // the run goes on as it was
		same   bool // with the very same image
	}{
		{"nothing happens", func(*testing.T, *host, *Daemon, *slot) {}, true, true},
		{"other rules meanwhile", func(t *testing.T, h *host, _ *Daemon, _ *slot) {
			h.write(t, "a.yaml", strings.Replace(workers, "own", "mine", 1))
		}, true, false},
		{"what was written down is gone", func(t *testing.T, _ *host, d *Daemon, _ *slot) {
			if err := os.Remove(d.seatsPath()); err != nil {
				t.Fatal(err)
			}
		}, false, false},
		{"what was written down is torn", func(t *testing.T, _ *host, d *Daemon, _ *slot) {
			if err := os.WriteFile(d.seatsPath(), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, false, false},
		{"the kernel knows of another slot", func(t *testing.T, h *host, d *Daemon, s *slot) {
			h.kernel.tasks[strconv.Itoa(me)] = layout.Identity{Agent: d.agent("a").id, Slot: s.number + 9}
		}, false, false},
		{"the run has ended meanwhile", func(t *testing.T, h *host, d *Daemon, s *slot) {
			for _, r := range d.runsOf(t) {
				if err := os.WriteFile(filepath.Join(r.Dir, "cgroup.procs"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}, true, true},
		{"image gone from the kernel", func(_ *testing.T, h *host, _ *Daemon, s *slot) { delete(h.kernel.images, s.number) }, true, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "a.yaml", workers)
			d := h.up(t)
			r, s := h.begin(t, d, one, me)
			generation := s.generation
			if err := d.stop(nil); err != nil {
				t.Fatal(err)
			}
			tc.change(t, h, d, s)
			h.kernel = h.kernel.again()
			next := New(h.options())
			if err := next.start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _, _, _ = next.socket.Close(), next.watcher.Close(), next.ledger.Close() })

			slot := h.kernel.tasks[strconv.Itoa(me)].Slot
			if got := h.reads(t, slot, one+"/f"); got != tc.kept {
				t.Errorf("the run reads its workspace: %v", got)
			}
			if h.reads(t, slot, two+"/f") {
				t.Error("the run reads what it could not")
			}
			if same := tc.kept && next.slots[slot].generation == generation; same != tc.same {
				t.Errorf("the same image: %v", same)
			}

			// Nobody gets a slot that somebody may still be in.
			for range 4 {
				if _, other := h.begin(t, next, two, 1); other.number == slot {
					t.Error("another run is in the slot of this one")
				}
			}
			next.ended(r)
			if h.reads(t, slot, one+"/f") || next.slots[slot] != nil {
				t.Error("the run has ended, and its image is still there")
			}
		})
	}
}

// All slots taken is an error, and no slot is taken twice.
func TestSlotsAreBounded(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", workers)
	d := h.up(t)
	a := d.agent("a")
	d.seats["lost"] = seat{Agent: "a", Slot: layout.MaxAgents + 5}
	taken := map[uint32]bool{layout.MaxAgents + 5: true}
	for i := range layout.MaxSlots - layout.MaxAgents - 1 {
		s, err := d.open(a, &binding{"/h", "/" + strconv.Itoa(i)})
		if err != nil {
			t.Fatal(err)
		}
		if taken[s.number] || s.number < layout.MaxAgents || s.number >= layout.MaxSlots {
			t.Fatalf("slot %d", s.number)
		}
		taken[s.number] = true
	}
	if s, err := d.open(a, &binding{"/h", "/more"}); err == nil || !strings.Contains(err.Error(), "end some runs") {
		t.Errorf("one more: %+v, %v", s, err)
	}
}

// What a run may write counts for other agents' symlinks from before it begins.
func TestRunIsAWriter(t *testing.T) {
	one, _ := spaces(t)
	h := newHost(t)
	h.link(one+"/link", "/hoard")
	h.write(t, "a.yaml", strings.Replace(workers, "file_read", "file_write", 1))
	h.write(t, "reader.yaml", reads("reader", one+"/link"))
	d := h.up(t)
	if !allows(t, h, "reader", "/hoard/x") {
		t.Fatal("the operator's symlink is not followed")
	}
	h.begin(t, d, one, 1)
	if allows(t, h, "reader", "/hoard/x") {
		t.Error("a symlink that a run may change is still followed")
	}
}

// A kernel that does not take the image leaves no slot behind.
func TestRunThatCannotHaveAnImage(t *testing.T) {
	one, _ := spaces(t)
	h := newHost(t)
	h.write(t, "a.yaml", workers)
	d := h.up(t)
	h.kernel.failSet = errors.New("no memory")
	if s, err := d.slotFor(d.agent("a"), peer(), api.RunRequest{Agent: "a", Workspace: one}); err == nil {
		t.Errorf("slot %+v", s)
	}
	if len(d.agent("a").bound) != 0 || len(d.slots) != 1 {
		t.Errorf("%d slots are left", len(d.slots)-1)
	}
}

// The log names what a run's variables stand for.
func TestRecordsOfImages(t *testing.T) {
	one, _ := spaces(t)
	h := newHost(t)
	h.write(t, "a.yaml", workers)
	d := h.up(t)
	_, s := h.begin(t, d, one, 1)
	if err := d.ledger.Flush(); err != nil {
		t.Fatal(err)
	}
	loads := h.records(t, audit.KindPolicyLoad)
	if len(loads) != 2 || !strings.Contains(loads[0].Text, "for each run with its own WORKSPACE") ||
		!strings.Contains(loads[1].Text, "WORKSPACE="+one) || loads[1].Gen != uint64(s.generation) || !strings.HasSuffix(loads[1].Text, "a run begins") {
		t.Errorf("records %+v", loads)
	}
}
