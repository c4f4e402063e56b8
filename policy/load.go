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
)

// Set is the policies of one directory, by agent.
type Set struct {
	Dir      string
	Policies map[string]*Policy
}

// Load reads one policy file. The error joins *[Error] values when the file could be read but not understood.
func Load(path string) (*Policy, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	// A pipe or a device would block or never end.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading policy: %s is not a regular file", path)
	}

	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	return Parse(path, data)
}

// LoadDir reads every *.yaml and *.yml file of a directory, hidden ones and sub-directories left out. It returns the
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
		p, err := Load(filepath.Join(dir, name))
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
	return set, errors.Join(errs...)
}

// policyFiles are the names of the policy files among the entries of a directory, sorted.
func policyFiles(entries []os.DirEntry) []string {
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}
