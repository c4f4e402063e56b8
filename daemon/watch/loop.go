// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"maps"
	"os"
	"slices"
	"time"
)

// Times are how long news are held back, and what is done without them.
type Times struct {
	Quiet time.Duration // it must have been quiet for this long
	Most  time.Duration // but no news wait for longer than this
	Retry time.Duration // after which files are looked at when they cannot be watched
}

// Default is what a person notices as at once.
var Default = Times{Quiet: 200 * time.Millisecond, Most: 2 * time.Second, Retry: 10 * time.Second}

// Options are whom to tell; all are required.
type Options struct {
	Times   Times
	Paths   func() (dirs, files []string) // absolute paths of what matters now; Changed may change them
	Changed func()                        // something may have changed
	Failed  func(error)                   // the directories cannot be watched, or with nil: they are again
}

// Loop calls Changed once at the start, so that nothing is missed between the first reading of the files and Loop, and after
// every change, until the context ends. Directories that cannot be watched are reported, and Changed is called every now
// and then instead. It returns the context's error.
func Loop(ctx context.Context, opt Options) error {
	for ctx.Err() == nil {
		in, err := settle(opt)
		opt.Failed(err)
		if err != nil {
			pause(ctx, opt.Times.Retry)
			continue
		}
		err = in.burst(ctx, opt.Times)
		_ = in.file.Close() // it holds nothing that could be lost
		if err != nil && ctx.Err() == nil {
			opt.Failed(err)
			pause(ctx, opt.Times.Retry)
		}
	}
	return ctx.Err()
}

// settle watches, then has the files read: whatever changes from then on is news. Reading may show that other directories
// matter, which may change before they are watched; then once more. A tree that is different every time does not stop the
// news, so it is given up after a few attempts, when the last directories are watched.
func settle(opt Options) (*instance, error) {
	look := func() places {
		dirs, files := opt.Paths()
		return find(dirs, files, os.Readlink)
	}
	want := look()
	for attempt := 0; ; attempt++ {
		in, err := open(want)
		opt.Changed()
		now := look()
		if err != nil || attempt == 3 || maps.EqualFunc(want, now, slices.Equal) {
			return in, err
		}
		_ = in.file.Close()
		want = now
	}
}

// burst waits for news, and then until it has been quiet.
func (in *instance) burst(ctx context.Context, t Times) error {
	some, err := in.wait(ctx, time.Time{})
	if !some || err != nil {
		return err
	}
	in.busy = true
	for last := time.Now().Add(t.Most); some && err == nil; {
		quiet := time.Now().Add(t.Quiet)
		if last.Before(quiet) {
			quiet = last
		}
		some, err = in.wait(ctx, quiet)
	}
	return err
}

// pause waits for a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
