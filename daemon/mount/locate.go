// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
)

// maxLinks is how many symlinks one path may lead through, as in the kernel (MAXSYMLINKS).
const maxLinks = 40

// ErrNowhere says that the files a path means live on a superblock whose root is mounted nowhere on the host, so that no
// location can name them. The kernel denies such files whatever a rule says.
var ErrNowhere = errors.New("the root of its file system is mounted nowhere on this host")

// Guard says which agent may change what stands at a clean absolute path; "" when none may. Nil: no agent may change
// anything.
type Guard func(path string) (agent string)

// Locate turns a clean absolute path of the host into the location the kernel will see: symlinks in it are resolved as
// far as the path exists (the rest is kept as it is), and a path below a bind mount becomes the path of the files
// themselves. A symlink that an agent may change is not followed: the location is then that of the symlink, and of what
// the path names below it, where nothing is unless the symlink becomes a directory. The note says in words what became of
// the path, "" if it stayed the same. The error wraps [ErrNowhere] when no location can name it.
func (t *Table) Locate(p string, guard Guard) (location, note string, err error) {
	real, err := t.resolve(p, guard)
	if err != nil {
		return "", "", fmt.Errorf("resolving %s: %w", p, err)
	}
	location, err = t.locate(p, real.path)
	if err != nil {
		return "", "", err
	}
	return location, explain(p, real, location, t.holder(real.path).Point), nil
}

// Forms lists, each once, what a path stands for on the way to its location, step by step as symlinks are followed: the
// paths, beginning with the path itself, and their locations. It ends where [Table.Locate] does, without its error.
func (t *Table) Forms(p string, guard Guard) []string {
	real, err := t.resolve(p, guard)
	if err == nil {
		real.steps = append(real.steps, real.path)
	}
	var forms []string
	for _, step := range append([]string{path.Clean(p)}, real.steps...) {
		if !slices.Contains(forms, step) {
			forms = append(forms, step)
		}
		if l, err := t.locate(step, step); err == nil && !slices.Contains(forms, l) {
			forms = append(forms, l)
		}
	}
	return forms
}

// locate rewrites a resolved path to where its files are.
func (t *Table) locate(p, real string) (string, error) {
	e := t.holder(real)
	if e.Deleted {
		return "", fmt.Errorf("locating %s: the directory mounted on %s has been deleted: %w", p, e.Point, ErrNowhere)
	}
	place, ok := t.place[e.Dev]
	if !ok {
		return "", fmt.Errorf("locating %s: %s is mounted from %s of %s (%s): %w (mount it somewhere to name its files)",
			p, e.Point, e.Root, e.Source, e.Type, ErrNowhere)
	}
	return join(place, join(e.Root, below(e.Point, real))), nil
}

// explain says what became of a path.
func explain(p string, real resolved, location, point string) string {
	var steps []string
	if len(real.steps) > 0 && real.path != p {
		steps = append(steps, "a symlink leads to "+real.path)
	}
	if real.agent != "" {
		steps = append(steps, fmt.Sprintf("%s is a symlink that agent %q may change: not followed (if another place is meant, name that)", real.link, real.agent))
	}
	if location != real.path {
		steps = append(steps, point+" is a further mount of files that are at "+location)
	}
	if steps == nil {
		return ""
	}
	return p + ": " + strings.Join(steps, ", ")
}

// resolved is what became of a path by following symlinks.
type resolved struct {
	path  string
	steps []string // the whole path after each symlink that was followed
	link  string   // the symlink that was not followed, if any
	agent string   // because this agent may change it
}

// resolve follows the symlinks of a path, component by component, and keeps what does not exist.
func (t *Table) resolve(p string, guard Guard) (resolved, error) {
	var r resolved
	if !strings.HasPrefix(p, "/") {
		return r, fmt.Errorf("path %q is not absolute", p)
	}

	written := path.Clean(p)
	done, todo := "/", written[1:]
	for todo != "" {
		if t.perProcess(done, todo) {
			r.path = path.Join(done, todo)
			return r, nil
		}

		name, rest, _ := strings.Cut(todo, "/")
		next := path.Join(done, name)
		target, err := t.readlink(next)
		switch {
		case err == nil:
			if r.agent = t.guarded(next, lexical(written, rest), guard); r.agent != "" {
				// The rest stays as it is: looking further would follow the symlink.
				r.link, r.path = next, path.Join(next, rest)
				return r, nil
			}
			if len(r.steps) >= maxLinks {
				return r, syscall.ELOOP
			}
			if !strings.HasPrefix(target, "/") {
				target = done + "/" + target // everything in done is resolved, so ".." may be taken lexically
			}
			done, todo = "/", path.Join("/", target, rest)[1:]
			r.steps = append(r.steps, "/"+todo)
		case errors.Is(err, syscall.EINVAL):
			done, todo = next, rest // exists and is no symlink
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			r.path = path.Join(done, todo)
			return r, nil
		default:
			return r, err
		}
	}
	r.path = done
	return r, nil
}

// guarded returns the agent that may change a symlink: at its path, at its location, or as the path was written, up to it.
func (t *Table) guarded(link, written string, guard Guard) string {
	if guard == nil {
		return ""
	}
	places := []string{link, written}
	if l, err := t.locate(link, link); err == nil {
		places = append(places, l)
	}
	for _, place := range places {
		if agent := guard(place); agent != "" {
			return agent
		}
	}
	return ""
}

// lexical is how far a path, as it was written, has been used up when rest is left of it. Inside the target of a symlink,
// where nothing of the path is, it is less than what was used up before.
func lexical(written, rest string) string {
	if rest == "" {
		return written
	}
	before, ok := strings.CutSuffix(written, "/"+rest)
	if !ok || before == "" {
		return "/"
	}
	return before
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
