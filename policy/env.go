// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DefaultSecurePath are the directories in which a program without a path is looked up.
var DefaultSecurePath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Env is how the words of a rule become locations and addresses when it is compiled. The zero value is purely lexical.
type Env struct {
	// LookPath finds the program that word 0 of a command names, and returns its real path. It is asked for words without
	// a slash and for absolute paths; an absolute path that it does not know stands for itself. Nil: nothing is found.
	LookPath func(word string) (path string, ok bool)
	// Locate turns a literal path, or the literal prefix of a glob, into the location that the kernel sees, and may note
	// what became of it. An empty location means that no file can be there, so the rule cannot match; an error stops the
	// compilation. Nil: the path is its own location.
	Locate func(path string) (location string, note string, err error)
	// LookupHost returns the current addresses of a host. Nil, or none: a rule that allows that host cannot match now, and
	// whatever any other rule may mean by it is refused.
	LookupHost func(host string) []netip.Addr
	// SecurePath is what LookPath searches; it is only used in notes.
	SecurePath []string
	// Now is the instant for which rules that come and go are compiled; zero: the present.
	Now time.Time
	// Shells are the real paths of the shells that an agent may start if it may start anything.
	Shells []string
	// Trusted are the directories in which an interpreter that belongs to an allowed script may stand.
	Trusted []string
}

// now is the instant for which rules are compiled.
func (e Env) now() time.Time {
	if e.Now.IsZero() {
		return time.Now()
	}
	return e.Now
}

// HostEnv looks programs up on this machine, in the given directories, with the default shells, and leaves everything else
// lexical.
func HostEnv(securePath []string) Env {
	return Env{
		LookPath:   func(word string) (string, bool) { return lookPath(securePath, word) },
		SecurePath: securePath,
		Shells:     FindShells(securePath, DefaultShells),
		Trusted:    TrustedDirs(securePath),
	}
}

// lookPath returns the real path of the executable file that word names.
func lookPath(dirs []string, word string) (string, bool) {
	if strings.HasPrefix(word, "/") {
		return realProgram(word)
	}
	if word == "" || strings.Contains(word, "/") {
		return "", false
	}
	for _, dir := range dirs {
		// A relative directory would make the answer depend on where the daemon was started.
		if !filepath.IsAbs(dir) {
			continue
		}
		if path, ok := realProgram(filepath.Join(dir, word)); ok {
			return path, true
		}
	}
	return "", false
}

// realProgram resolves the path of an executable regular file.
func realProgram(path string) (string, bool) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", false
	}
	info, err := os.Stat(real)
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", false
	}
	return real, true
}
