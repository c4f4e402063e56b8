// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// What the clock of a race says, modulo 4: where the directory is, or that it is being moved.
const (
	RaceHere   = 0 // at Path
	RaceLeaves = 1
	RaceThere  = 2 // at To
	RaceComes  = 3
)

// raceThreads is how many threads of the agent race against the host.
const raceThreads = 3

// raced counts what a race has shown.
type raced struct{ here, there, wrong atomic.Int32 }

// race opens files of a directory that somebody moves between Path, where it may be read, and To, where it may not: by both
// paths, and through a descriptor of the directory. Args[0] is the clock, a file whose first four bytes count the moves (see
// RaceHere); the others are the files' names, from the directory. An answer counts only if the clock stood while it was
// given. Flag is how often each thread tries; Status counts the answers that were wrong, Out says how many were right in each
// place.
func race(r Request) Answer {
	clock, err := mapClock(r.Args[0])
	if err != nil {
		return answer(err)
	}
	dir, err := openMoving(r.Path)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(dir)

	var result raced
	var all sync.WaitGroup
	for range raceThreads {
		all.Go(func() {
			for i := range r.Flag {
				name := r.Args[1+i%(len(r.Args)-1)]
				result.try(clock, func() error { return openAt(dir, name) }, nil, unix.EACCES)
				result.try(clock, func() error { return openAt(unix.AT_FDCWD, r.Path+"/"+name) }, nil, unix.ENOENT)
				result.try(clock, func() error { return openAt(unix.AT_FDCWD, r.To+"/"+name) }, unix.ENOENT, unix.EACCES)
			}
		})
	}
	all.Wait()
	out := fmt.Sprintf("%d %d", result.here.Load(), result.there.Load())
	return Answer{Status: int(result.wrong.Load()), Out: out}
}

// openMoving opens a directory that is at path only now and then.
func openMoving(path string) (int, error) {
	var err error
	for range 100_000 {
		var dir int
		dir, err = unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			return dir, nil
		}
		if err != unix.ENOENT && err != unix.EACCES {
			break
		}
	}
	return -1, err
}

// try judges one open by where the directory was before and after it.
func (x *raced) try(clock *atomic.Uint32, open func() error, here, there error) {
	before := clock.Load()
	err := open()
	if clock.Load() != before {
		return
	}
	switch before % 4 {
	case RaceHere:
		x.count(&x.here, err == here)
	case RaceThere:
		x.count(&x.there, err == there)
	}
}

func (x *raced) count(right *atomic.Int32, ok bool) {
	if ok {
		right.Add(1)
	} else {
		x.wrong.Add(1)
	}
}

func openAt(dir int, name string) error {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}
