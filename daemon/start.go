// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/cgroup"
	"caisson/daemon/control"
	"caisson/daemon/holds"
	"caisson/daemon/hooks"
	"caisson/daemon/resolver"
	"caisson/daemon/runs"
)

// start brings everything up, in an order in which nothing is in force that could not be recorded, and nothing is
// answered before it is in force.
func (d *Daemon) start() error {
	if err := d.opt.Check(); err != nil {
		return err
	}
	var err error
	if d.boot, err = bootID(); err != nil {
		return err
	}
	// The lock of the log is also what keeps a second daemon away from everything below.
	if d.ledger, err = openLedger(d.opt.Audit, d.failed, d.opt.Disk); err != nil {
		return err
	}
	if d.kernel, err = d.opt.Load(); err != nil {
		return fmt.Errorf("kernel programs: %w", err)
	}
	if err := d.prepare(); err != nil {
		return errors.Join(err, d.kernel.Close())
	}
	return nil
}

// prepare is what comes after the programs are loaded.
func (d *Daemon) prepare() error {
	if err := d.host(); err != nil {
		return err
	}
	d.assemble()
	if err := d.resume(); err != nil {
		return err
	}
	if err := d.recognise(); err != nil {
		return err
	}
	if err := d.seatRuns(); err != nil {
		return err
	}
	if err := d.configure(); err != nil {
		return err
	}
	if _, err := d.reload("", "the daemon has started"); err != nil {
		return err
	}
	d.dropStale()
	if err := d.runs.Adopt(); err != nil {
		return err
	}
	return d.holds.Resume()
}

// tag is in the ids of one daemon's requests for approval, and not in those of the last.
func tag(start time.Time) string {
	const letters = "bcdfghjkmnpqrstvwxz" // no words come of them, and none is taken for a digit
	var b [4]byte
	for n, i := start.Unix(), 0; i < len(b); n, i = n/int64(len(letters)), i+1 {
		b[i] = letters[n%int64(len(letters))]
	}
	return string(b[:])
}

// host opens what the host provides.
func (d *Daemon) host() error {
	table, err := d.opt.Mounts()
	if err != nil {
		return err
	}
	d.table.Store(table)
	if d.tree, err = d.opt.Tree(); err != nil {
		return err
	}
	if d.watcher, err = cgroup.NewWatcher(); err != nil {
		return err
	}
	d.socket, err = control.Bind(d.opt.Socket)
	return err
}

// assemble connects the parts.
func (d *Daemon) assemble() {
	d.hooks = d.openHooks()
	d.runs = runs.New(runs.Options{
		Tree: d.tree, Identify: d.kernel.Identify, Record: d.ledger.AppendSync, Watch: d.watcher.Add, Ended: d.ended,
	})
	d.holds = holds.New(holds.Options{Kernel: d.kernel, Record: d.ledger.AppendSync, Inside: d.tree.Inside, Behind: func() bool { return d.kernel.Unread() > 0 }, Tag: tag(d.started), Log: d.log,
		Begun: func(n holds.News) { d.announce(hooks.EventRequest, n) }, Ended: func(n holds.News) { d.announce(hooks.EventAnswered, n) }})
	d.resolver = resolver.New(resolver.Options{
		Record: d.ledger.Append,
		Path:   func(dev uint32, path string) string { return d.table.Load().Path(dev, path) },
		Run:    d.runs.ID,
		Owner:  d.tree.Owner,
		Held:   d.holds.Take,
		Answer: d.holds.Answer,
	})
}

// resume continues where the last daemon left off, and says so in the log.
func (d *Daemon) resume() error {
	st, known, err := readState(d.statePath(), d.boot)
	if err != nil {
		// It only helps to count: without it the counting starts anew.
		d.log.Warn("state of the last daemon is lost", "error", err)
	}

	if known {
		d.digests = st.Digests
	}
	for generation := range d.digests {
		d.generation = max(d.generation, generation) // also of an image that has gone from the kernel since
	}

	var recs []audit.Record
	note := func(kind audit.Kind, text string) {
		recs = append(recs, audit.Record{Kind: kind, Where: "daemon", Text: text})
	}
	if !known && !d.kernel.Adopted() {
		note(audit.KindBoot, "first start of the daemon since the host was started")
	}
	switch adopted := d.kernel.Adopted(); {
	case !adopted:
		d.sequence = resolver.NewSequence(true)
		note(audit.KindDaemonStart, d.opt.Version+": kernel programs loaded")
	case known:
		d.sequence = d.catchUp(st)
		note(audit.KindDaemonStart, d.opt.Version+": enforcement was running and has been adopted")
	default:
		note(audit.KindGap, "nothing is known of what the last daemon had read: how many events are missing cannot be said")
		d.sequence = resolver.NewSequence(false)
		note(audit.KindDaemonStart, d.opt.Version+": enforcement was running and has been adopted")
	}
	if d.kernel.Adopted() && known && !st.Clean {
		note(audit.KindGap, "the last daemon did not stop in good order; what it had read and not written down is counted in gap records of its own")
	}

	if counters, err := d.kernel.Counters(); err == nil {
		total := map[string]uint64{}
		for _, c := range counters {
			total["seen"] += c.Seen
			total["submitted"] += c.Submitted
			total["lost"] += c.Lost
		}
		recs[len(recs)-1].Counts = total
	}
	for _, r := range recs {
		if err := d.ledger.AppendSync(r); err != nil {
			return err
		}
	}
	return nil
}

// recognise makes every identity known that the kernel or the cgroup tree has from before.
func (d *Daemon) recognise() error {
	known, err := d.kernel.Agents()
	if err != nil {
		return err
	}
	slices, err := d.tree.Agents()
	if err != nil {
		return err
	}

	d.change.Lock()
	defer d.change.Unlock()
	for name := range known {
		slices = append(slices, name)
	}
	for _, number := range d.kernel.Slots() {
		d.generation = max(d.generation, d.kernel.Generation(number))
	}
	for _, name := range slices {
		if _, err := d.know(name); err != nil {
			return fmt.Errorf("agent %q: %w", name, err)
		}
	}
	return nil
}

// configure tells the kernel where agents are and what they may connect to.
func (d *Daemon) configure() error {
	slice, err := cgroup.ID(d.tree.Slice())
	if err != nil {
		return err
	}
	dev, err := d.table.Load().Device(d.socket.Path)
	if err != nil {
		return fmt.Errorf("file system of the control socket: %w", err)
	}
	err = d.kernel.SetConfig(layout.Config{Slice: slice, SliceLevel: d.tree.Level(), ControlDev: dev, ControlIno: d.socket.Ino})
	if err != nil {
		return fmt.Errorf("configuration of the kernel programs: %w", err)
	}
	return nil
}

// dropStale removes images that another daemon left for agents that have no policy that loads now: nobody could say what
// they decide.
func (d *Daemon) dropStale() {
	d.change.Lock()
	defer d.change.Unlock()
	d.mu.Lock()
	var stale []*agent
	for _, a := range d.agents {
		if !a.enforced() {
			stale = append(stale, a)
		}
	}
	d.mu.Unlock()
	for _, a := range stale {
		if err := d.withdraw(a, "no policy that loads"); err != nil {
			d.setProblem(problemStart, err.Error())
		}
	}
}
