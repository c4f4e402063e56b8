// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// DefaultShells are the shells that any agent which may start programs at all may start, too: they grant nothing, because
// what a shell starts is decided on its own.
var DefaultShells = []string{"sh", "bash", "dash", "zsh"}

// systemDirs are where distributions keep interpreters besides secure_path: language runtimes below /usr/lib, helpers of
// other programs in /usr/libexec. /usr/local/lib is not one of them: it is where package managers of languages put
// whatever they were told to fetch.
var systemDirs = []string{"/usr/lib", "/usr/libexec"}

// FindShells looks shells up: names in the directories, wherever one is found, and absolute paths. It returns the real
// paths of those that nobody but root can change, sorted.
func FindShells(dirs, names []string) []string {
	var found []string
	for _, name := range names {
		if filepath.IsAbs(name) {
			found = append(found, trustedProgram(name)...)
			continue
		}
		if strings.Contains(name, "/") {
			continue
		}
		for _, dir := range dirs {
			if filepath.IsAbs(dir) {
				found = append(found, trustedProgram(filepath.Join(dir, name))...)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TrustedDirs are the real paths of the directories and of the system's own, as far as nobody but root can change them,
// sorted: where a program stands that may go on as the interpreter of an allowed script.
func TrustedDirs(dirs []string) []string {
	var found []string
	for _, dir := range append(slices.Clone(dirs), systemDirs...) {
		if !filepath.IsAbs(dir) {
			continue
		}
		real, err := filepath.EvalSymlinks(dir)
		if err == nil && onlyRoot(real) && isDir(real) {
			found = append(found, real)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// trustedProgram is the real path of a program, if nobody but root can change it.
func trustedProgram(path string) []string {
	real, ok := realProgram(path)
	if !ok || !onlyRoot(real) {
		return nil
	}
	return []string{real}
}

// onlyRoot says whether a real path and every directory on the way to it belong to root and can be written by nobody else.
// A sticky bit does not help: what is not there yet can be put there.
func onlyRoot(real string) bool {
	for at := real; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || st.Uid != 0 || info.Mode().Perm()&0o022 != 0 {
			return false
		}
		if at == "/" {
			return true
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
