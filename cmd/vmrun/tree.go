// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// node is one file of the guest: its header and where its content comes from.
type node struct {
	entry  cpioEntry
	source string // a file on the host, or "" if data holds the content
	data   []byte
}

// tree is the guest's file system before it becomes an archive, keyed by
// clean absolute guest paths. Symbolic links in the tree are followed when a
// path is added, so the same file cannot be there under two names; what is
// added later replaces what was there.
type tree struct {
	nodes map[string]node
}

func newTree() *tree {
	return &tree{nodes: map[string]node{"/": {entry: cpioEntry{Mode: modeDir | 0o755}}}}
}

// canonical follows the symbolic links of the tree in all parents of name.
func (t *tree) canonical(name string) (string, error) {
	name = path.Clean("/" + name)
	for range 40 {
		next, changed := t.followOnce(name)
		if !changed {
			return name, nil
		}
		name = next
	}
	return "", fmt.Errorf("resolve guest path %s: too many symbolic links", name)
}

func (t *tree) followOnce(name string) (string, bool) {
	for i := 1; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		parent := name[:i]
		if n, ok := t.nodes[parent]; ok && n.entry.Mode&0o170000 == modeSymlink {
			target := string(n.data)
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(parent), target)
			}
			return path.Clean(target + name[i:]), true
		}
	}
	return name, false
}

// put places a node and creates the directories above it.
func (t *tree) put(name string, n node) error {
	name, err := t.canonical(name)
	if err != nil {
		return err
	}

	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		have, ok := t.nodes[dir]
		if ok && have.entry.Mode&0o170000 != modeDir {
			return fmt.Errorf("add guest file %s: %s is not a directory", name, dir)
		}
		if ok {
			break
		}
		t.nodes[dir] = node{entry: cpioEntry{Mode: modeDir | 0o755}}
	}

	have, ok := t.nodes[name]
	if ok && have.entry.Mode&0o170000 == modeDir && n.entry.Mode&0o170000 != modeDir {
		return fmt.Errorf("add guest file %s: there is a directory of that name", name)
	}
	t.nodes[name] = n
	return nil
}

// Dir makes a directory; a link to a directory in its place is followed.
func (t *tree) Dir(name string, perm, uid uint32) error {
	inside, err := t.canonical(path.Join("/", name, "inside"))
	if err != nil {
		return err
	}
	name = path.Dir(inside)
	if name == "/" {
		return nil
	}
	return t.put(name, node{entry: cpioEntry{Mode: modeDir | perm, UID: uid, GID: uid}})
}

// Data makes a regular file owned by root with the given content.
func (t *tree) Data(name string, perm uint32, data []byte) error {
	return t.put(name, node{entry: cpioEntry{Mode: modeFile | perm, Size: int64(len(data))}, data: data})
}

// Symlink makes a symbolic link.
func (t *tree) Symlink(name, target string) error {
	return t.put(name, node{
		entry: cpioEntry{Mode: modeSymlink | 0o777, Size: int64(len(target))},
		data:  []byte(target),
	})
}

// Char makes a character device.
func (t *tree) Char(name string, perm, major, minor uint32) error {
	return t.put(name, node{entry: cpioEntry{Mode: modeChar | perm, Major: major, Minor: minor}})
}

// File copies one regular file of the host, following symbolic links there.
func (t *tree) File(host, guest string) error {
	info, err := os.Stat(host)
	if err != nil {
		return fmt.Errorf("pack file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("pack file %s: not a regular file", host)
	}
	host, err = filepath.Abs(host)
	if err != nil {
		return fmt.Errorf("pack file: %w", err)
	}

	entry := cpioEntry{Mode: modeFile | uint32(info.Mode().Perm()), Size: info.Size()}
	return t.put(guest, node{entry: entry, source: host})
}

// Copy copies a directory of the host with all that is below it; symbolic
// links stay links, and everything belongs to root in the guest.
func (t *tree) Copy(host, guest string) error {
	return filepath.WalkDir(host, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("pack directory: %w", err)
		}
		target := path.Join(guest, strings.TrimPrefix(name, host))
		switch {
		case d.IsDir():
			info, err := d.Info()
			if err != nil {
				return fmt.Errorf("pack directory: %w", err)
			}
			return t.Dir(target, uint32(info.Mode().Perm()), 0)
		case d.Type() == fs.ModeSymlink:
			link, err := os.Readlink(name)
			if err != nil {
				return fmt.Errorf("pack directory: %w", err)
			}
			return t.Symlink(target, link)
		default:
			return t.File(name, target)
		}
	})
}

// Archive writes the whole tree as an archive. Sorted names put every
// directory before its contents.
func (t *tree) Archive(w io.Writer) error {
	archive := cpioWriter{w: w}
	for _, name := range slices.Sorted(maps.Keys(t.nodes)) {
		n := t.nodes[name]
		if name == "/" {
			continue
		}
		n.entry.Name = name[1:]
		if err := addNode(&archive, n); err != nil {
			return err
		}
	}
	return archive.Close()
}

func addNode(archive *cpioWriter, n node) error {
	if n.source == "" {
		return archive.Add(n.entry, bytes.NewReader(n.data))
	}

	f, err := os.Open(n.source)
	if err != nil {
		return fmt.Errorf("pack file: %w", err)
	}
	defer f.Close()
	return archive.Add(n.entry, f)
}
