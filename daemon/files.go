// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"

	"caisson/daemon/watch"
	"caisson/policy"
)

// read remembers which files there are to watch: those of the policies, and those of policies that did not load, so that
// mending one of them is seen.
func (d *Daemon) read(set *policy.Set, err error) {
	found := map[string]bool{}
	add := func(files []string) {
		for _, f := range files {
			if abs, err := filepath.Abs(f); err == nil {
				found[abs] = true
			}
		}
	}
	for _, p := range set.Policies {
		add(p.Files)
	}
	for _, e := range leaves(err) {
		if bad := new(policy.Faults); errors.As(e, &bad) {
			add(bad.Files)
		}
		if bad := new(policy.Error); errors.As(e, &bad) {
			add([]string{bad.File})
		}
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.agents {
		if a.policy != nil {
			add(a.policy.Files) // what is in force may be what comes back
		}
	}
	d.files = slices.Sorted(maps.Keys(found))
}

// watched are the paths that matter for what the policies say.
func (d *Daemon) watched() (dirs, files []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, err := filepath.Abs(d.opt.Policies)
	if err != nil {
		dir = d.opt.Policies // without a working directory; watching it will fail, and be said
	}
	return []string{dir}, slices.Clone(d.files)
}

// watch reloads the policies whenever their files change.
func (d *Daemon) watch(ctx context.Context) error {
	return watch.Loop(ctx, watch.Options{
		Times: d.opt.Watch, Paths: d.watched, Changed: d.changed,
		Failed: func(err error) {
			if err != nil {
				d.setProblem(problemWatch, "policy files cannot be watched, so changes are noticed late: "+err.Error())
				return
			}
			d.setProblem(problemWatch, "")
		},
	})
}

// changed reads the policies again because their files may have changed. A log that has failed is not mended by that: an
// operator has to ask for it.
func (d *Daemon) changed() {
	if d.ledger.Err() != nil {
		return
	}
	if _, err := d.reload("", "files have changed"); err != nil {
		d.log.Error("reload", "error", err)
	}
}
