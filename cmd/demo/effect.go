// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// printed is seen when the process printed the text.
func printed(text string) effect {
	return effect{fmt.Sprintf("output %q", text), func(o *outcome) bool { return strings.Contains(o.stdout, text) }}
}

// exists is seen when there is something under that name, a link to nowhere included.
func exists(path string) effect {
	return effect{path, func(*outcome) bool {
		_, err := os.Lstat(path)
		return err == nil
	}}
}

// gone is seen when there is nothing under that name any more.
func gone(path string) effect {
	return effect{"the removal of " + path, func(*outcome) bool {
		_, err := os.Lstat(path)
		return os.IsNotExist(err)
	}}
}

// moved is seen when the one name is gone and the other is there.
func moved(from, to string) effect {
	return effect{"the move to " + to, func(o *outcome) bool { return gone(from).seen(o) && exists(to).seen(o) }}
}

// holds is seen when the file contains the text.
func holds(path, text string) effect {
	return effect{"a changed " + path, func(*outcome) bool {
		b, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(b), text)
	}}
}

// emptied is seen when the file is there and has no bytes.
func emptied(path string) effect {
	return effect{"an empty " + path, func(*outcome) bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == 0
	}}
}

// hasMode is seen when the file has exactly these permissions.
func hasMode(path string, perm fs.FileMode) effect {
	return effect{"the new mode of " + path, func(*outcome) bool {
		info, err := os.Stat(path)
		return err == nil && info.Mode().Perm() == perm
	}}
}

// greeted is seen when a listener took the connection and the process printed what it says to everyone.
func greeted() effect {
	return effect{"a connection", func(o *outcome) bool { return o.accepted || strings.Contains(o.stdout, greeting) }}
}
