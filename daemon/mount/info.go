// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Entry is one line of mountinfo.
type Entry struct {
	ID, Parent int
	Dev        uint32 // s_dev as the kernel has it: major<<20 | minor
	Root       string // the directory of the superblock that is mounted
	Point      string // where
	Type       string // of file system
	Source     string
	Deleted    bool // the mounted directory has been deleted: its name leads nowhere
}

// Parse reads mountinfo as proc(5) describes it. One bad line makes the whole table bad: judging by part of the mounts
// would put files in the wrong place.
func Parse(data []byte) ([]Entry, error) {
	var entries []Entry
	for line := range bytes.Lines(data) {
		e, err := parseLine(strings.TrimSuffix(string(line), "\n"))
		if err != nil {
			return nil, fmt.Errorf("mountinfo line %d: %w", len(entries)+1, err)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, errors.New("mountinfo: no mounts")
	}
	return entries, nil
}

// parseLine reads "36 35 98:0 /root /point options [optional…] - type source superoptions". Fields are separated by
// exactly one space; whatever in a name would disturb that is escaped.
func parseLine(line string) (Entry, error) {
	left, right, ok := strings.Cut(line, " - ")
	if !ok {
		return Entry{}, errors.New("no separator")
	}
	f, g := strings.Split(left, " "), strings.Split(right, " ")
	if len(f) < 6 || len(g) < 2 {
		return Entry{}, errors.New("too few fields")
	}

	id, err := strconv.Atoi(f[0])
	if err != nil {
		return Entry{}, fmt.Errorf("mount id: %w", err)
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return Entry{}, fmt.Errorf("parent id: %w", err)
	}
	dev, err := parseDev(f[2])
	if err != nil {
		return Entry{}, err
	}

	e := Entry{ID: id, Parent: parent, Dev: dev, Root: unescape(f[3]), Point: unescape(f[4]),
		Type: unescape(g[0]), Source: unescape(g[1])}
	// seq_dentry marks a directory that is gone with "//deleted"; no real name contains two slashes.
	e.Root, e.Deleted = strings.CutSuffix(e.Root, "//deleted")
	return e, nil
}

// parseDev reads "major:minor".
func parseDev(s string) (uint32, error) {
	a, b, ok := strings.Cut(s, ":")
	if !ok {
		return 0, fmt.Errorf("device %q: no colon", s)
	}
	major, err := strconv.ParseUint(a, 10, 12)
	if err != nil {
		return 0, fmt.Errorf("major device number: %w", err)
	}
	minor, err := strconv.ParseUint(b, 10, 20)
	if err != nil {
		return 0, fmt.Errorf("minor device number: %w", err)
	}
	return uint32(major)<<20 | uint32(minor), nil
}

// unescape undoes seq_file's mangling of a name: a backslash and three octal digits are one byte. The kernel escapes
// the backslash itself, too, so any other backslash stands for itself.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}

	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
