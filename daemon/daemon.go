// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"caisson/audit"
	"caisson/daemon/cgroup"
	"caisson/daemon/control"
	"caisson/daemon/holds"
	"caisson/daemon/hooks"
	"caisson/daemon/mount"
	"caisson/daemon/names"
	"caisson/daemon/resolver"
	"caisson/daemon/runs"
	"caisson/daemon/writers"
	"caisson/policy"
)

// Daemon is one caissond.
type Daemon struct {
	opt     Options
	log     *slog.Logger
	started time.Time
	boot    string

	kernel   Kernel
	ledger   *ledger
	tree     *cgroup.Tree
	watcher  *cgroup.Watcher
	socket   *control.Socket
	names    *names.Cache
	resolver *resolver.Resolver
	holds    *holds.Holder
	runs     *runs.Runs
	hooks    *hooks.Sender
	table    atomic.Pointer[mount.Table]
	failed   chan error // the log has failed

	change     sync.Mutex        // held while what is in force changes; taken before mu
	generation uint32            // last one given out; guarded by change
	onDisk     []*policy.Policy  // as last read; guarded by change
	ground     *writers.Set      // what agents may change, as last surveyed; guarded by change
	trusted    policy.Env        // the shells and directories of interpreters that are trusted, as last surveyed; guarded by change
	nextSlot   uint32            // where to look for a free slot; guarded by change
	strays     map[string]bool   // what is wrong with files that are no agent's, as last said; guarded by change
	digests    map[uint32]string // of the policies that an earlier daemon left in force, by generation; set at the start

	mu       sync.Mutex // short; guards these, and the fields of every agent
	agents   map[string]*agent
	slots    map[uint32]*slot // by number
	seats    map[string]seat  // by run
	problems map[string]string
	files    []string // every policy file, and what they include; also what did not load

	seqMu    sync.Mutex // guards sequence
	sequence *resolver.Sequence
	waiting  atomic.Bool   // the reader waits for the kernel
	missing  atomic.Uint64 // events in gap records
	received uint64        // at the last tick
}

// New returns a daemon that has not started.
func New(opt Options) *Daemon {
	opt = opt.withDefaults()
	now := time.Now()
	return &Daemon{
		opt: opt, log: opt.Log, started: now, generation: uint32(now.Unix()), failed: make(chan error, 1),
		names:  names.New(opt.Lookup),
		agents: map[string]*agent{}, slots: map[uint32]*slot{}, seats: map[string]seat{}, problems: map[string]string{},
	}
}

// Run starts the daemon, works until the context ends, and stops it in good order; reload is asked for by a value on the
// channel. Enforcement goes on after it returns. An error says why it could not start or go on, and what to do.
func (d *Daemon) Run(ctx context.Context, reload <-chan struct{}) error {
	err := d.start()
	if err == nil {
		err = d.work(ctx, reload)
	}
	return errors.Join(err, d.stop(err))
}

// work runs everything that goes on by itself. The first part that fails ends the others.
func (d *Daemon) work(ctx context.Context, reload <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parts sync.WaitGroup
	part := func(f func(context.Context) error) func() {
		return func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		}
	}
	run := func(f func(context.Context) error) { parts.Go(part(f)) }

	var reader sync.WaitGroup // ends when the kernel is closed, after all that still asks it
	reader.Go(part(func(context.Context) error { return d.receive() }))
	run(d.tick)
	run(d.holds.Run)
	run(d.hooks.Run)
	run(d.resolve)
	run(d.schedule)
	run(d.watch)
	run(func(ctx context.Context) error { return mount.Watch(ctx, d.remount) })
	run(func(ctx context.Context) error {
		return d.watcher.Loop(ctx, func() { d.setProblem(problemRuns, text(d.runs.Sweep(time.Now()))) })
	})
	run(func(ctx context.Context) error {
		return control.Serve(ctx, d.socket, control.Options{Backend: backend{d}, Who: who{d}, Record: d.ledger.Append, Log: d.log})
	})
	d.notify(sd.SdNotifyReady)
	d.log.Info("enforcing", "adopted", d.kernel.Adopted(), "policies", d.opt.Policies, "socket", d.opt.Socket)

	d.attend(ctx, reload)
	d.notify(sd.SdNotifyStopping)
	parts.Wait()
	err := d.kernel.Close() // the pins stay
	reader.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// attend waits for what comes from outside until the context ends.
func (d *Daemon) attend(ctx context.Context, reload <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-d.failed:
			d.failClosed(err)
		case <-reload:
			d.log.Info("reloading the policies")
			if _, err := d.reload("", "SIGHUP"); err != nil {
				d.log.Error("reload", "error", err)
			}
		}
	}
}

// stop writes down what is left and closes everything that start opened, in the reverse order.
func (d *Daemon) stop(cause error) error {
	var errs []error
	if d.socket != nil {
		// Serve has closed it; before Serve it is still open and is removed here.
		_ = d.socket.Close()
	}
	if d.watcher != nil {
		errs = append(errs, d.watcher.Close())
	}
	if d.ledger == nil {
		return errors.Join(errs...)
	}

	if d.sequence != nil && d.ledger.Err() == nil {
		rec := audit.Record{Kind: audit.KindDaemonStop, Where: "daemon", Text: "enforcement goes on"}
		if cause != nil {
			rec.Text = fmt.Sprintf("stopped by an error; enforcement goes on: %v", cause)
		}
		errs = append(errs, d.resolver.Flush(), d.ledger.AppendSync(rec), d.save(true))
		d.log.Info("stopped; the policies stay in force (caissond detach ends enforcement)")
	}
	return errors.Join(append(errs, d.ledger.Close())...)
}

// notify tells systemd, if it is there.
func (d *Daemon) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		d.log.Warn("telling systemd", "error", err)
	}
}
