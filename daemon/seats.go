// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"caisson/bpf/layout"
	"caisson/daemon/cgroup"
)

// seat is the place of one run whose policy has, or had, variables. Its processes carry the slot's number in the kernel for
// as long as they live, so the number is not given to another image before the run has ended.
type seat struct {
	Agent   string   `json:"agent"`
	Slot    uint32   `json:"slot"`
	Binding *binding `json:"binding,omitempty"` // nil: lost, and the slot has no image
}

// savedSeats is what one daemon leaves for the next on the same boot, written before a run begins. Who has lost it has lost
// what the variables of the runs that are alive stand for: those runs are then denied everything.
type savedSeats struct {
	Boot  string          `json:"boot"`
	Seats map[string]seat `json:"seats"` // by run
}

func (d *Daemon) seatsPath() string { return filepath.Join(filepath.Dir(d.opt.Socket), "runs.json") }

// sit gives a run a seat and writes it down. The caller holds change.
func (d *Daemon) sit(run string, s *slot) error {
	d.mu.Lock()
	d.seats[run] = seat{s.agent.name, s.number, s.binding}
	d.mu.Unlock()
	return d.saveSeats()
}

// stand takes away the seat of a run that has ended, or did not begin; the last one to leave a slot has it emptied. It does
// nothing for a run without a seat. The caller holds change.
func (d *Daemon) stand(run string) error {
	d.mu.Lock()
	left, had := d.seats[run]
	delete(d.seats, run)
	d.mu.Unlock()
	if !had {
		return nil
	}
	return errors.Join(d.vacate(left.Slot), d.saveSeats())
}

// vacate empties a slot in which nobody sits. The caller holds change.
func (d *Daemon) vacate(number uint32) error {
	d.mu.Lock()
	s := d.slots[number]
	for _, other := range d.seats {
		if other.Slot == number {
			s = nil
		}
	}
	d.mu.Unlock()
	if s == nil {
		return nil
	}

	if err := d.clear(s); err != nil {
		return err // it stays known, so that nobody else gets it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.slots, number)
	s.agent.bound = without(s.agent.bound, s)
	return nil
}

// open makes a slot for a binding. Numbers go round, so that one that has been given back rests for as long as possible.
// The caller holds change.
func (d *Daemon) open(a *agent, b *binding) (*slot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := map[uint32]bool{}
	for _, s := range d.seats {
		taken[s.Slot] = true // also a lost one, which has no slot
	}
	const first, room = layout.MaxAgents, layout.MaxSlots - layout.MaxAgents
	for range room {
		number := first + d.nextSlot%room
		d.nextSlot++
		if d.slots[number] == nil && !taken[number] {
			return d.addSlot(a, number, b), nil
		}
	}
	return nil, fmt.Errorf("all %d images for runs with variables are in use (end some runs)", room)
}

// addSlot makes a slot known. The caller holds mu.
func (d *Daemon) addSlot(a *agent, number uint32, b *binding) *slot {
	s := &slot{number: number, agent: a, binding: b}
	d.slots[number] = s
	a.bound = append(a.bound, s)
	slices.SortFunc(a.bound, func(x, y *slot) int { return int(x.number) - int(y.number) })
	return s
}

// saveSeats replaces the file at once.
func (d *Daemon) saveSeats() error {
	d.mu.Lock()
	saved := savedSeats{d.boot, maps.Clone(d.seats)}
	d.mu.Unlock()
	b, err := json.Marshal(saved)
	if err != nil {
		return fmt.Errorf("seats of runs: %w", err)
	}
	if err := replace(d.seatsPath(), b); err != nil {
		return fmt.Errorf("seats of runs: %w", err)
	}
	return nil
}

// readSeats returns what the last daemon on this boot left.
func readSeats(path, boot string) (map[string]seat, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("seats of runs: %w", err)
	}
	var saved savedSeats
	if err := json.Unmarshal(b, &saved); err != nil {
		return nil, fmt.Errorf("seats of runs: %s: %w", path, err)
	}
	if saved.Boot != boot {
		return nil, nil
	}
	return saved.Seats, nil
}

// seatRuns finds out where the runs that outlived another daemon sit. The kernel says in which slot a run's processes are;
// the other daemon wrote down what the slot was made for. A run of which both do not say the same is left without an image.
func (d *Daemon) seatRuns() error {
	saved, err := readSeats(d.seatsPath(), d.boot)
	if err != nil {
		d.log.Error("what runs gave their variables is not known", "error", err)
	}
	runs, err := d.tree.Runs()
	if err != nil {
		return err
	}

	d.change.Lock()
	defer d.change.Unlock()
	// Those that are known come first: a slot is made for one binding, so they also tell what the others in it have.
	slices.SortStableFunc(runs, func(a, b cgroup.Run) int {
		return strings.Compare(order(saved, a), order(saved, b))
	})
	for _, r := range runs {
		number, alive, err := d.slotOf(r)
		if err != nil {
			return err
		}
		if !alive {
			number = saved[r.ID].Slot // it has ended, and its last events are still to be read
		}
		if number < layout.MaxAgents {
			continue // it has the image of its agent
		}
		d.reseat(r, number, saved[r.ID])
	}
	for _, number := range d.kernel.Slots() {
		if number >= layout.MaxAgents && d.slots[number] == nil {
			if err := d.kernel.RemoveImage(number); err != nil {
				return err
			}
		}
	}
	return d.saveSeats()
}

// order sorts runs that are written down before those that are not.
func order(saved map[string]seat, r cgroup.Run) string {
	if _, ok := saved[r.ID]; ok {
		return "0" + r.ID
	}
	return "1" + r.ID
}

// reseat gives a run back the seat that it had.
func (d *Daemon) reseat(r cgroup.Run, number uint32, saved seat) {
	a := d.agent(r.Agent)
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.slots[number]
	if saved.Binding == nil && s != nil {
		saved = seat{r.Agent, number, s.binding}
	}
	known := saved.Binding != nil && saved.Slot == number && saved.Agent == r.Agent && a != nil &&
		(s == nil || s.agent == a && *s.binding == *saved.Binding)
	if !known {
		d.log.Error("a run is denied everything: what its variables stand for is not known any more", "agent", r.Agent, "run", r.ID)
		d.seats[r.ID] = seat{Agent: r.Agent, Slot: number}
		return
	}
	if s == nil {
		d.addSlot(a, number, saved.Binding)
	}
	d.seats[r.ID] = saved
}

// slotOf asks the kernel for the slot of a run's processes, which all inherit it from the first. A process that somebody
// put into the run's cgroup from outside has that of the agent, which is less. 0: none has one yet.
func (d *Daemon) slotOf(r cgroup.Run) (slot uint32, alive bool, err error) {
	pids, err := d.tree.Processes(r)
	if err != nil {
		return 0, false, err
	}
	for _, pid := range pids {
		number, err := d.slotOfProcess(pid)
		if err != nil {
			return 0, false, fmt.Errorf("run %s of %s: %w", r.ID, r.Agent, err)
		}
		slot = max(slot, number)
	}
	return slot, len(pids) > 0, nil
}

func (d *Daemon) slotOfProcess(pid int) (uint32, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0, nil // it has ended meanwhile
	}
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(pidfd)
	id, _, err := d.kernel.IdentityOf(pidfd)
	return id.Slot, err
}
