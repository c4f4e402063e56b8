// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// HostPath adds a file of the host under its own name, along with every
// symbolic link on the way to it, so that each name by which the host reaches
// the file works in the guest as well.
func (t *tree) HostPath(name string) error {
	if !path.IsAbs(name) {
		return fmt.Errorf("pack %s: not an absolute path", name)
	}
	rest := path.Clean(name)
	for range 40 {
		link, target, err := firstLink(rest)
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		if link == "" {
			return t.File(rest, rest)
		}

		if err := t.link(link, target); err != nil {
			return err
		}
		after := strings.TrimPrefix(rest, link)
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(link), target)
		}
		rest = path.Join(target, after)
	}
	return fmt.Errorf("pack %s: too many symbolic links", name)
}

// link adds a symbolic link unless the guest already has a directory or a
// link of its own there, as it has for the links of a merged /usr.
func (t *tree) link(name, target string) error {
	place, err := t.canonical(name)
	if err != nil {
		return err
	}
	if n, ok := t.nodes[place]; ok && n.entry.Mode&0o170000 == modeDir {
		return nil
	}
	return t.Symlink(name, target)
}

// firstLink returns the first prefix of name that is a symbolic link on the
// host, and where it points; link is empty if there is none.
func firstLink(name string) (link, target string, err error) {
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := os.Lstat(name[:i])
		if err != nil {
			return "", "", err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			target, err := os.Readlink(name[:i])
			return name[:i], target, err
		}
	}
	return "", "", nil
}
