// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Set is the policies of one directory, by agent.
type Set struct {
	Dir      string
	Policies map[string]*Policy
	Files    []string // every file that was read, or tried, sorted: those of policies that are not good, too
}

// Load reads one policy file and what it includes. The error is a *[Faults] when the file could be read but not understood.
func Load(path string) (*Policy, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	return ParseWith(path, data, readFile)
}

// readFile reads a policy file, or as much of it as shows that it is too large.
func readFile(path string) ([]byte, error) {
	// A pipe would block, or never end, and a device could do anything when it is opened: so it is asked before and, because
	// the name may lead somewhere else by then, after.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// LoadDir reads every *.yaml and *.yml file of a directory; hidden ones, files of cases and sub-directories are left out. It returns the
// policies that are good even when others are not; the error then joins what is wrong with those. Of two files for one
// agent neither is good. The set is nil only when the directory cannot be read.
func LoadDir(dir string) (*Set, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}

	set := &Set{Dir: dir, Policies: map[string]*Policy{}}
	first := map[string]string{}
	var errs []error
	found := 0
	for _, name := range policyFiles(entries) {
		found++
		path := filepath.Join(dir, name)
		p, err := Load(path)
		set.addFiles(path, p, err)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, dup := first[p.Agent]; dup {
			delete(set.Policies, p.Agent)
			errs = append(errs, fmt.Errorf("agent %q has two policies: %s and %s (remove one of them)", p.Agent, other, p.File))
			continue
		}
		first[p.Agent] = p.File
		set.Policies[p.Agent] = p
	}
	if found == 0 {
		errs = append(errs, fmt.Errorf("no policy in %s (a policy is a file named *.yaml)", dir))
	}
	slices.Sort(set.Files)
	set.Files = slices.Compact(set.Files)
	return set, errors.Join(errs...)
}

// addFiles adds the files of a policy, or of a try to load one.
func (s *Set) addFiles(path string, p *Policy, err error) {
	s.Files = append(s.Files, path)
	var f *Faults
	switch {
	case p != nil:
		s.Files = append(s.Files, p.Files...)
	case errors.As(err, &f):
		s.Files = append(s.Files, f.Files...)
	}
}

// policyFiles are the names of the policy files among the entries of a directory, sorted.
func policyFiles(entries []os.DirEntry) []string {
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !IsCases(e.Name()) && (ext == ".yaml" || ext == ".yml") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}
