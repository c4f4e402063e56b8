// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// maxLinks is how many symlinks one path may lead through, as in the kernel (MAXSYMLINKS).
const maxLinks = 40

// ErrNowhere says that the files a path means live on a superblock whose root is mounted nowhere on the host, so that no
// location can name them. The kernel denies such files whatever a rule says.
var ErrNowhere = errors.New("the root of its file system is mounted nowhere on this host")

// Locate turns a clean absolute path of the host into the location the kernel will see: symlinks in it are resolved as
// far as the path exists (the rest is kept as it is), and a path below a bind mount becomes the path of the files
// themselves. The note says in words what became of the path, "" if it stayed the same. The error wraps [ErrNowhere] when
// no location can name it.
func (t *Table) Locate(p string) (location, note string, err error) {
	real, err := t.resolve(p)
	if err != nil {
		return "", "", fmt.Errorf("resolving %s: %w", p, err)
	}

	e := t.holder(real)
	if e.Deleted {
		return "", "", fmt.Errorf("locating %s: the directory mounted on %s has been deleted: %w", p, e.Point, ErrNowhere)
	}
	place, ok := t.place[e.Dev]
	if !ok {
		return "", "", fmt.Errorf("locating %s: %s is mounted from %s of %s (%s): %w (mount it somewhere to name its files)",
			p, e.Point, e.Root, e.Source, e.Type, ErrNowhere)
	}

	location = join(place, join(e.Root, below(e.Point, real)))
	return location, explain(p, real, location, e.Point), nil
}

// explain says what became of a path.
func explain(p, real, location, point string) string {
	var steps []string
	if real != p {
		steps = append(steps, "a symlink leads to "+real)
	}
	if location != real {
		steps = append(steps, point+" is a further mount of files that are at "+location)
	}
	if steps == nil {
		return ""
	}
	return p + ": " + strings.Join(steps, ", ")
}

// resolve follows the symlinks of a path, component by component, and keeps what does not exist.
func (t *Table) resolve(p string) (string, error) {
	if !strings.HasPrefix(p, "/") {
		return "", fmt.Errorf("path %q is not absolute", p)
	}

	done, todo := "/", path.Clean(p)[1:]
	for links := 0; todo != ""; {
		if t.perProcess(done, todo) {
			return path.Join(done, todo), nil
		}

		name, rest, _ := strings.Cut(todo, "/")
		next := path.Join(done, name)
		target, err := t.readlink(next)
		switch {
		case err == nil:
			if links++; links > maxLinks {
				return "", syscall.ELOOP
			}
			if !strings.HasPrefix(target, "/") {
				target = done + "/" + target // everything in done is resolved, so ".." may be taken lexically
			}
			done, todo = "/", path.Join("/", target, rest)[1:]
		case errors.Is(err, syscall.EINVAL):
			done, todo = next, rest // exists and is no symlink
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return path.Join(done, todo), nil
		default:
			return "", err
		}
	}
	return done, nil
}

// perProcess says whether the next name is one of those on a proc file system that mean another thing to every process:
// for this process they would lead to itself, while in a rule they stand for the agent. They are kept as written.
func (t *Table) perProcess(done, todo string) bool {
	e := t.holder(done)
	if e.Type != "proc" || e.Point != done {
		return false
	}
	name, _, _ := strings.Cut(todo, "/")
	return name == "self" || name == "thread-self" || strings.Trim(name, "0123456789") == ""
}

func isNowhere(err error) bool { return errors.Is(err, ErrNowhere) }
