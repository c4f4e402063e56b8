// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"caisson/daemon/watch"
	"caisson/policy"
)

// noteFiles remembers which files there are to watch: those of the policies, also of policies that did not load, so that
// mending one of them is seen; and those of what is in force, which may come back.
func (d *Daemon) noteFiles(set *policy.Set) {
	d.mu.Lock()
	defer d.mu.Unlock()
	files := slices.Clone(set.Files)
	for _, a := range d.agents {
		if a.policy != nil {
			files = append(files, a.policy.Files...)
		}
	}

	found := map[string]bool{}
	for _, f := range files {
		found[absolute(f)] = true
	}
	d.files = slices.Sorted(maps.Keys(found))
}

// absolute is a path from the root.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path // there is no working directory, so there is nothing that the path could mean
}

// watched are the paths that matter for what the policies say.
func (d *Daemon) watched() (dirs, files []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []string{absolute(d.opt.Policies)}, slices.Clone(d.files)
}

// watch reloads the policies whenever their files change.
func (d *Daemon) watch(ctx context.Context) error {
	return watch.Loop(ctx, watch.Options{
		Times: d.opt.Watch, Paths: d.watched, Changed: d.filesChanged,
		Failed: func(err error) {
			if err != nil {
				d.setProblem(problemWatch, "policy files cannot be watched, so changes are noticed late: "+err.Error())
				return
			}
			d.setProblem(problemWatch, "")
		},
	})
}

// filesChanged reads the policies again because their files may have changed. A log that has failed is not mended by that:
// an operator has to ask for it.
func (d *Daemon) filesChanged() {
	if d.ledger.Err() != nil {
		return
	}
	if _, err := d.reload("", "files have changed"); err != nil {
		d.log.Error("reload", "error", err)
	}
}
