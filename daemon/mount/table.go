// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// infoFile is the mount table of the calling process's namespace.
const infoFile = "/proc/self/mountinfo"

// Table is one reading of the host's mount table. It is immutable and safe for concurrent use.
type Table struct {
	entries  []Entry
	children map[int][]int     // entry by parent's mount id, in order of age
	place    map[uint32]string // superblock -> mount point of the oldest mount of its root
	top      int               // the entry that is the root directory
	readlink func(string) (string, error)
}

// Read reads the table of this process's mount namespace.
func Read() (*Table, error) {
	b, err := os.ReadFile(infoFile)
	if err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	entries, err := Parse(b)
	if err != nil {
		return nil, err
	}
	return New(entries, os.Readlink)
}

// New makes a table of entries in the order of mountinfo, which is the order in which they were mounted. The function
// reads symlinks of the host.
func New(entries []Entry, readlink func(string) (string, error)) (*Table, error) {
	t := &Table{entries: entries, children: map[int][]int{}, place: map[uint32]string{}, top: -1, readlink: readlink}
	ids := map[int]bool{}
	for _, e := range entries {
		ids[e.ID] = true
	}

	for i, e := range entries {
		isTop := e.Point == "/" && (e.Parent == e.ID || !ids[e.Parent])
		switch {
		case isTop && t.top < 0:
			t.top = i
		case !isTop:
			t.children[e.Parent] = append(t.children[e.Parent], i)
		}

		if _, known := t.place[e.Dev]; !known && e.Root == "/" && !e.Deleted {
			t.place[e.Dev] = e.Point
		}
	}
	if t.top < 0 {
		return nil, fmt.Errorf("mount table: nothing is mounted on /")
	}
	return t, nil
}

// holder returns the mount that holds a clean absolute path: from the root directory down, whatever is mounted nearest
// covers what lies below it, and of several mounts on one point the last is on top.
func (t *Table) holder(path string) Entry {
	at := t.top
	// Each step goes to another mount; the bound only stops a table that contradicts itself.
	for range t.entries {
		next := -1
		for _, i := range t.children[t.entries[at].ID] {
			if !covers(t.entries[i].Point, path) {
				continue
			}
			if next < 0 || len(t.entries[i].Point) <= len(t.entries[next].Point) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		at = next
	}
	return t.entries[at]
}

// Place returns where the root of a superblock is mounted; false: nowhere.
func (t *Table) Place(dev uint32) (string, bool) {
	p, ok := t.place[dev]
	return p, ok
}

// Devices returns the superblocks whose root is mounted somewhere, sorted.
func (t *Table) Devices() []uint32 { return slices.Sorted(maps.Keys(t.place)) }

// Device returns the superblock that holds a path of the host, after resolving symlinks.
func (t *Table) Device(path string) (uint32, error) {
	real, err := t.resolve(path, nil)
	if err != nil {
		return 0, err
	}
	return t.holder(real.path).Dev, nil
}

// Path returns, for people to read, the host's path of a location: the superblock, and a path from its root.
func (t *Table) Path(dev uint32, path string) string {
	p, ok := t.place[dev]
	if !ok {
		return fmt.Sprintf("[%d:%d]%s", dev>>20, dev&(1<<20-1), path)
	}
	return join(p, path)
}

// covers says whether a mount point is the path or a directory above it.
func covers(point, path string) bool {
	if point == "/" || point == path {
		return true
	}
	return strings.HasPrefix(path, point) && path[len(point)] == '/'
}

// below returns what of a path lies below a directory that covers it: "" or a path with a leading slash.
func below(dir, path string) string {
	if dir == "/" {
		return strings.TrimSuffix(path, "/")
	}
	return path[len(dir):]
}

// join puts a path with a leading slash (or nothing) behind a directory.
func join(dir, rest string) string {
	switch {
	case rest == "" || rest == "/":
		return dir
	case dir == "/":
		return rest
	}
	return dir + rest
}
