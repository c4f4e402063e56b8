//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/daemon/vmtest/actor"
)

// The programs remember where directories are (bpf/place.h). These tests try to get an answer out of them that was true
// once. All of them end in the reckoning, too: user space walks the location of every event again.

const racerPolicy = `agent: racer
rules:
  - { name: read, action: file_read, conditions: { path: { starts_with: /race/allowed } }, effect: ALLOW }
`

// racers lays out /race and launches processes of an agent that may read below /race/allowed and nowhere else.
func racers(t *testing.T, n int) []confined {
	t.Helper()
	lay(t, []string{"/race", "/race/allowed", "/race/denied"}, nil)
	theHost.policy(t, "racer", racerPolicy)
	all := make([]confined, n)
	for i := range all {
		all[i] = theHost.launch(t, "racer")
	}
	return all
}

// While the host moves a directory between a place that may be read and one that may not, two processes with three threads
// each open a file in it by both paths and by a descriptor. Whenever the directory stood still, the answer was the one for
// where it stood; moving a directory above it counts as moving it.
func TestVMMovedDirectoryIsFollowed(t *testing.T) {
	for _, row := range []struct {
		name, moved, file string
		open              []string // from `file`
	}{
		{"the directory itself", "d", "d", []string{"f"}},
		{"two levels above", "d", "d/e/f", []string{"f"}},
		// What is below the moved directory is found by its entry, and by that of the one above (recall_above).
		{"the one above, which is known", "d", "d", []string{"f", "e/f", "a-name-that-does-not-stand-in-the-dentry-itself/f", "e/g/f"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			agents := racers(t, 2)
			for _, name := range row.open {
				file := filepath.Join("/race/allowed", row.file, name)
				lay(t, []string{filepath.Dir(file)}, []string{file})
			}
			clock, err := actor.WriteClock("/race/allowed/clock")
			if err != nil {
				t.Fatal(err)
			}
			moves := raceAgainst(t, agents, row.file, row.open, func() error {
				clock.Add(1)
				err := os.Rename("/race/allowed/"+row.moved, "/race/denied/"+row.moved)
				clock.Add(1)
				pause()
				clock.Add(1)
				err = errors.Join(err, os.Rename("/race/denied/"+row.moved, "/race/allowed/"+row.moved))
				clock.Add(1)
				pause()
				return err
			})
			t.Logf("%d moves", moves)
		})
	}
}

// raceAgainst lets the agents race while the host moves, and returns how often it did.
func raceAgainst(t *testing.T, agents []confined, dir string, open []string, move func() error) int {
	t.Helper()
	const tries = 4000
	answers := make(chan actor.Answer, len(agents))
	for _, c := range agents {
		go func() {
			a, err := c.Do(actor.Request{Op: "race", Path: "/race/allowed/" + dir, To: "/race/denied/" + dir,
				Args: append([]string{"/race/allowed/clock"}, open...), Flag: tries})
			if err != nil || a.Errno != 0 {
				t.Errorf("race: %v, %v", err, a.Err())
			}
			answers <- a
		}()
	}

	moves := 0
	for ; len(answers) < len(agents); moves++ {
		if err := move(); err != nil {
			t.Error(err)
			break
		}
	}
	for range agents {
		a := <-answers
		var here, there int
		if _, err := fmt.Sscan(a.Out, &here, &there); err != nil {
			t.Fatalf("%q: %v", a.Out, err)
		}
		if a.Status != 0 || here == 0 || there == 0 {
			t.Errorf("%d wrong answers; %d right ones where it may be read, %d where it may not", a.Status, here, there)
		}
	}
	return moves
}

// pause lets the agents run for a while: a few opens with nothing moved, and more than none.
func pause() {
	ts := unix.Timespec{Nsec: 2_000_000}
	_ = unix.Nanosleep(&ts, nil) // that a signal cuts it short does no harm
}

// A directory that is removed leaves its inode number and its memory to others. None of them is taken for it.
func TestVMRemovedDirectoryIsForgotten(t *testing.T) {
	c := racers(t, 1)[0]
	for i := range 200 {
		for _, row := range []struct {
			dir  string
			want error
		}{{"/race/allowed/t", nil}, {"/race/denied/t", unix.EACCES}} {
			lay(t, []string{row.dir + "/u"}, []string{row.dir + "/f", row.dir + "/u/f"})
			for _, file := range []string{"/f", "/u/f"} {
				if err := c.do(actor.Request{Op: "open", Path: row.dir + file}).Err(); err != row.want {
					t.Fatalf("round %d: %s: %v, want %v", i, row.dir+file, err, row.want)
				}
			}
			if err := os.RemoveAll(row.dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A file system that is mounted somewhere else, or another one under the same device number, is judged by where it is now.
func TestVMRemountedFileSystemIsForgotten(t *testing.T) {
	c := racers(t, 1)[0]
	var open, below actor.Request
	for range 4 {
		for _, row := range []struct {
			dir  string
			want unix.Errno
		}{{"/race/allowed/m", 0}, {"/race/denied/m", unix.EACCES}} {
			t.Run(row.dir, func(t *testing.T) {
				mountTmpfs(t, row.dir)
				lay(t, []string{row.dir + "/d/e"}, []string{row.dir + "/d/f", row.dir + "/d/e/f"})
				open = actor.Request{Op: "open", Path: row.dir + "/d/f"}
				below = actor.Request{Op: "open", Path: row.dir + "/d/e/f"}
				eventually(t, "the daemon's look at the mount table", func() bool { return c.do(open).Errno == int(row.want) })
				for range 50 {
					for _, r := range []actor.Request{open, below} {
						if a := c.do(r); a.Errno != int(row.want) {
							t.Fatalf("%s: %v, want %v", r.Path, a.Err(), row.want)
						}
					}
				}
			})
		}
	}
}

// From the moment a reload has succeeded nothing is decided by the policy before it, in any process.
func TestVMReloadForgetsEverything(t *testing.T) {
	agents := racers(t, 3)
	lay(t, []string{"/race/allowed/p"}, []string{"/race/allowed/p/f"})
	open := actor.Request{Op: "opens", Path: "/race/allowed/p/f", Flag: 100}
	for i := range 10 {
		want, place := 100, "/race/allowed"
		if i%2 == 1 {
			want, place = 0, "/race/denied"
		}
		text := "agent: racer\nrules:\n  - { name: read, action: file_read, conditions: { path: { starts_with: " + place + " } }, effect: ALLOW }\n"
		if err := os.WriteFile("/etc/caisson/policies/racer.yaml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		theHost.reload(t, "racer")
		for _, c := range agents {
			if a := c.do(open); a.Status != want {
				t.Fatalf("reload %d: %d of 100 opens worked, want %d", i, a.Status, want)
			}
		}
	}
}
