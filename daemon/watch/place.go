// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"path"
	"slices"
	"strings"
)

// maxLinks is how many symlinks one path may lead through, as in the kernel (MAXSYMLINKS).
const maxLinks = 40

// places are directories to watch, each with the names in it that matter; an empty list: all.
type places map[string][]string

// readlink reads a symlink; an error: it is none.
type readlink func(path string) (string, error)

// find lists what must be watched so that no change of directories, of anything in them, and of further files is missed:
// the directories themselves, and on the way to each every name, because it is a symlink or could become one.
func find(dirs, files []string, read readlink) places {
	p := places{}
	for _, file := range files {
		p.way(path.Clean(file), read)
	}
	for _, dir := range dirs {
		if real := p.way(path.Clean(dir), read); real != "" {
			p[real] = nil
		}
	}
	return p
}

// way notes the names of a clean absolute path, from the root down and through symlinks, and returns where it leads; "" if
// nowhere.
func (p places) way(todo string, read readlink) string {
	done, links := "/", 0
	for todo = strings.TrimPrefix(todo, "/"); todo != ""; {
		name, rest, _ := strings.Cut(todo, "/")
		next := path.Join(done, name)
		p.name(done, name)
		target, err := read(next)
		if err != nil {
			done, todo = next, rest
			continue
		}
		if links++; links > maxLinks {
			return ""
		}
		if !path.IsAbs(target) {
			target = path.Join(done, target)
		}
		done, todo = "/", strings.TrimPrefix(path.Join(target, rest), "/")
	}
	return done
}

// name says that a name in a directory matters.
func (p places) name(dir, name string) {
	names, known := p[dir]
	if known && len(names) == 0 || slices.Contains(names, name) {
		return
	}
	p[dir] = append(names, name)
}

// matters says whether a change of a name in a directory is news; "" is the directory itself.
func (p places) matters(dir, name string) bool {
	names, known := p[dir]
	return known && (len(names) == 0 || name == "" || slices.Contains(names, name))
}
