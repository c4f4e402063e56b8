// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// defaultLibraryDirs are searched after everything in ld.so.conf, as ld.so(8)
// does for 64-bit programs.
var defaultLibraryDirs = []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib"}

// linker finds what a dynamically linked program needs to start. It reads the
// host's files and changes nothing.
type linker struct {
	dirs []string
}

// newLinker reads the library directories from an ld.so.conf file.
func newLinker(conf string) (*linker, error) {
	dirs, err := readLinkerConfig(conf, 0)
	if err != nil {
		return nil, err
	}
	return &linker{dirs: append(dirs, defaultLibraryDirs...)}, nil
}

// readLinkerConfig returns the directories named in one configuration file
// and in the files it includes. A missing file names no directories.
func readLinkerConfig(name string, depth int) ([]string, error) {
	if depth > 8 {
		return nil, fmt.Errorf("reading %s: includes are nested too deeply", name)
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading library directories: %w", err)
	}

	var dirs []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "include":
			for _, pattern := range fields[1:] {
				more, err := includeLinkerConfig(name, pattern, depth)
				if err != nil {
					return nil, err
				}
				dirs = append(dirs, more...)
			}
		default:
			dirs = append(dirs, fields[0])
		}
	}
	return dirs, nil
}

func includeLinkerConfig(from, pattern string, depth int) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", from, err)
	}

	var dirs []string
	for _, name := range names {
		more, err := readLinkerConfig(name, depth+1)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, more...)
	}
	return dirs, nil
}

// Closure returns every file, beside the program itself, that must exist for
// the program to start: its interpreter, its libraries and theirs, and for a
// script the program named in its first line.
func (l *linker) Closure(program string) ([]string, error) {
	var found []string
	seen := map[string]bool{program: true}
	queue := []string{program}

	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]

		needs, err := l.needs(file)
		if err != nil {
			return nil, fmt.Errorf("pack program %s: %w", program, err)
		}
		for _, need := range needs {
			if !seen[need] {
				seen[need] = true
				found = append(found, need)
				queue = append(queue, need)
			}
		}
	}
	return found, nil
}

// needs returns the files that one program or library names directly.
func (l *linker) needs(file string) ([]string, error) {
	if script, err := scriptInterpreter(file); err != nil || script != "" {
		return nonEmpty(script), err
	}

	f, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	defer f.Close()

	needs := nonEmpty(interpreter(f))
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	search := append(runPaths(f, file), l.dirs...)
	for _, name := range libraries {
		path, ok := findLibrary(name, search, f.Class)
		if !ok {
			return nil, fmt.Errorf("library %s, needed by %s, is nowhere to be found", name, file)
		}
		needs = append(needs, path)
	}
	return needs, nil
}

// interpreter returns the dynamic loader of a program, or "" if it is static.
func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, p.Filesz)
		if _, err := p.ReadAt(name, 0); err != nil {
			return ""
		}
		return string(bytes.TrimRight(name, "\x00"))
	}
	return ""
}

// runPaths returns the search directories that a file carries itself.
func runPaths(f *elf.File, file string) []string {
	paths, err := f.DynString(elf.DT_RUNPATH)
	if err != nil || len(paths) == 0 {
		paths, _ = f.DynString(elf.DT_RPATH)
	}

	var dirs []string
	origin := filepath.Dir(file)
	for _, list := range paths {
		for dir := range strings.SplitSeq(list, ":") {
			dir = strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(dir)
			if dir != "" {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// findLibrary looks a library up in the directories, passing over files of
// another word size as the loader does.
func findLibrary(name string, dirs []string, class elf.Class) (string, bool) {
	if strings.Contains(name, "/") {
		return name, true
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		f, err := elf.Open(path)
		if err != nil {
			continue
		}
		same := f.Class == class
		f.Close()
		if same {
			return path, true
		}
	}
	return "", false
}

// scriptInterpreter returns the program in a script's first line, or "".
func scriptInterpreter(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()

	line, err := bufio.NewReaderSize(f, 256).ReadString('\n')
	if err != nil && line == "" {
		return "", nil // empty, or unreadable as text: not a script
	}
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return "", nil
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return "", fmt.Errorf("reading %s: empty interpreter line", file)
	}
	return fields[0], nil
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
