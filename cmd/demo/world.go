// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// world is everything the attempts happen in. The two places of [options] differ in nothing else.
type world struct {
	host     bool
	caisson  string // the two binaries
	caissond string
	state    string // directory for whatever has no default place; "" in a guest
	policies string
	audit    string
	socket   string
	pins     string
	npm      string // where the stand-in is installed
	secure   string // secure_path of the daemon; "" is its default
	path     string // PATH of every process
	cgroup   string // mount point of cgroup v2

	api, apiOther, deploy, elsewhere target

	daemon *daemon // once it was started

	undo []func() error // newest last
}

// projectDirs are what the demo makes and, on a host, must not find and removes again.
var projectDirs = []string{"/data/research", "/project"}

// later remembers how to take back what was just done.
func (w *world) later(f func() error) { w.undo = append(w.undo, f) }

// close takes everything back, newest first, and goes on when something fails.
func (w *world) close() error {
	var errs []error
	for i := len(w.undo) - 1; i >= 0; i-- {
		errs = append(errs, w.undo[i]())
	}
	w.undo = nil
	return errors.Join(errs...)
}

// build prepares everything up to the daemon.
func (w *world) build(ctx context.Context) error {
	if err := w.installStandIn(); err != nil {
		return err
	}
	if err := w.furnish(); err != nil {
		return err
	}
	if err := w.listen(ctx); err != nil {
		return err
	}
	return w.startDaemon(ctx)
}

// shownNpm is the stand-in's name for people: the whole of it where it is short.
func (w *world) shownNpm() string {
	if w.host {
		return standInName
	}
	return w.npm
}

// installStandIn copies this program to where npm shall be. It must be there before the daemon compiles the policies:
// that is when the word npm in a rule becomes the location of a program.
func (w *world) installStandIn() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	return copyProgram(self, w.npm)
}

// furniture is the files before every attempt.
var furniture = map[string]string{
	dataset:                 datasetText + "\n1,0.25\n2,0.5\n",
	readme:                  "# Demo\n\n" + readmeText + ".\n",
	source:                  sourceText + "\n\nfunc main() {}\n",
	"/project/package.json": `{"name": "demo", "scripts": {"test": "true", "deploy": "true"}}` + "\n",
}

// furnish makes the files anew, so that no attempt sees what another one left.
func (w *world) furnish() error {
	for _, dir := range projectDirs {
		if err := empty(dir); err != nil {
			return err
		}
	}
	for name, text := range furniture {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("making the project: %w", err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return fmt.Errorf("making the project: %w", err)
		}
	}
	return nil
}

// empty removes what is in a directory, and makes the directory if it is not there.
func empty(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the project: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("emptying the project: %w", err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("emptying the project: %w", err)
		}
	}
	return nil
}

// copyProgram copies a program to a name that must not exist.
func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copying a program: %w", err)
	}
	defer in.Close()

	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return fmt.Errorf("copying a program: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying a program to %s: %w", to, err)
	}
	return nil
}

// until calls f every few milliseconds until it says true, the time is over (false) or the context is.
func until(ctx context.Context, limit time.Duration, f func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if f() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}
