// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// maxFileLines is the most that one source file may have.
const maxFileLines = 600

// licences finds code without the licence line of its place: programs that
// the kernel loads are under its licence too, everything else is Apache's.
func licences(tree fs.FS) ([]string, error) {
	all, err := sources(tree)
	if err != nil {
		return nil, err
	}

	var found []string
	for _, s := range all {
		if !isCode(s.Name) {
			continue
		}
		want := "SPDX-License-Identifier: Apache-2.0"
		if strings.HasPrefix(s.Name, "bpf/") && !strings.HasSuffix(s.Name, ".go") {
			want = "SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
		}
		head := strings.SplitN(s.Text, "\n", 5)
		if !strings.Contains(strings.Join(head[:min(len(head), 4)], "\n"), want) {
			found = append(found, fmt.Sprintf("%s: none of the first lines says %q", s.Name, want))
		}
	}
	return found, nil
}

// fileLengths finds source files that should have been several.
func fileLengths(tree fs.FS) ([]string, error) {
	all, err := sources(tree)
	if err != nil {
		return nil, err
	}

	var found []string
	for _, s := range all {
		if n := strings.Count(s.Text, "\n"); isCode(s.Name) && n > maxFileLines {
			found = append(found, fmt.Sprintf("%s: %d lines, more than %d", s.Name, n, maxFileLines))
		}
	}
	return found, nil
}

// badWords are marks of unfinished work, and the names of package mirrors,
// which are a machine's own business. The words are put together from parts
// because this file is searched as well.
var badWords = regexp.MustCompile(`\b(` + strings.Join([]string{
	"TO" + "DO", "FIX" + "ME", "(?i:place" + "holder)",
	`deb\.` + `debian\.org`, `security\.` + `debian\.org`, `proxy\.` + `golang\.org`, `registry\.` + `npmjs\.`,
}, "|") + `)\b`)

// words finds words that must not stand anywhere.
func words(tree fs.FS) ([]string, error) {
	all, err := sources(tree)
	if err != nil {
		return nil, err
	}

	var found []string
	for _, s := range all {
		number := 0
		for line := range strings.Lines(s.Text) {
			number++
			if word := badWords.FindString(line); word != "" {
				found = append(found, fmt.Sprintf("%s:%d: %q", s.Name, number, word))
			}
		}
	}
	return found, nil
}

// topEntries is the owner's list, plus what the architecture adds to it.
var topEntries = []string{
	"go.mod", "go.sum", "bpf", "cmd", "daemon", "policy", "audit", "systemd", "testdata", "Makefile", "README.md",
	"LICENSE", "CONTRIBUTING.md", "docs",
	"bin", // build output, never committed
}

// topLevel finds entries that the architecture does not know.
func topLevel(tree fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return nil, err
	}

	var found []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topEntries, e.Name()) {
			found = append(found, e.Name()+": not in the list of top-level entries")
		}
	}
	return found, nil
}
