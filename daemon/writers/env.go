// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"caisson/policy"
)

// Notes gather what was refused while policies were compiled in an environment of [Set.Env]. They are not safe for
// concurrent use.
type Notes struct {
	Links    []string // symlinks that were not followed; the notes of the image say so of each rule, too
	Programs []string // programs that were not found by their bare name
	Trust    []string // shells, and directories of interpreters, that are not trusted
}

// Env completes an environment for compiling policies on this host: paths become locations by the mount table, symlinks
// that an agent may change are not followed, a program without a path is found only where no agent may put one, and of
// the shells and the directories of interpreters those are trusted that no agent may change.
func (s *Set) Env(env policy.Env) (policy.Env, *Notes) {
	notes := &Notes{}
	env.LookPath = func(word string) (string, bool) { return s.lookPath(env.SecurePath, word, isProgram, notes) }
	env.Shells, env.Trusted = s.untouched(env.Shells, notes), s.untouched(env.Trusted, notes)
	return s.table.Env(env, func(place string) string {
		agent := s.Who(place)
		if agent != "" {
			notes.Links = unique(append(notes.Links, fmt.Sprintf("%s (agent %q)", place, agent)))
		}
		return agent
	}), notes
}

// untouched keeps of some real paths those that no agent may change, with or without somebody's approval: what is trusted
// here is trusted for every agent.
func (s *Set) untouched(paths []string, notes *Notes) []string {
	var kept []string
	for _, p := range paths {
		agent := ""
		for _, form := range s.table.Forms(p, s.Who) {
			agent = cmp.Or(agent, s.Who(form))
		}
		if agent == "" {
			kept = append(kept, p)
			continue
		}
		notes.Trust = unique(append(notes.Trust, fmt.Sprintf("%s is not trusted, because agent %q may change it", p, agent)))
	}
	return kept
}

// lookPath finds the file that a bare name means. It leaves symlinks as they are: what they lead to is found out when the
// path is located. An agent that may put a program into a directory of secure_path must not thereby decide what a rule
// means; with an approval, a person has decided. A path with a slash stands for itself.
func (s *Set) lookPath(dirs []string, word string, exists func(string) bool, notes *Notes) (string, bool) {
	if word == "" || strings.Contains(word, "/") {
		return "", false
	}
	for _, dir := range dirs {
		file := filepath.Join(dir, word)
		// A relative directory would make the answer depend on where the daemon was started.
		if !filepath.IsAbs(dir) || !exists(file) {
			continue
		}
		agent := s.owner(file)
		if agent == "" {
			return file, true
		}
		notes.Programs = unique(append(notes.Programs, fmt.Sprintf(
			"program %q: %s does not count, because agent %q may change it (if it is what the rule means, write its path)", word, file, agent)))
	}
	return "", false
}

// owner returns an agent that may freely put something at a path, taken as it is written or where its directory really is.
// Where a symlink at the path itself leads does not matter here.
func (s *Set) owner(file string) string {
	dir, name := filepath.Split(file)
	for _, form := range s.table.Forms(filepath.Clean(dir), s.Who) {
		if agent := s.Free(filepath.Join(form, name)); agent != "" {
			return agent
		}
	}
	return ""
}

// isProgram says whether a path leads to an executable regular file.
func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
