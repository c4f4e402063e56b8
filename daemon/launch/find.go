// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Exit statuses of a launch that did not come to be, as shells use them.
const (
	ExitRefused  = 125 // the daemon refused, or could not be asked
	ExitCannot   = 126 // the program was found and cannot be executed
	ExitNotFound = 127 // there is no such program
)

// Error is a launch that did not come to be, with the exit status that says so.
type Error struct {
	Exit int
	Err  error
}

// Error returns the text of the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// find resolves a program as a shell would, with the PATH of the environment the program will get. It must be called
// before the process becomes an agent: afterwards the look-ups themselves would be judged.
func find(program string, env []string) (string, error) {
	if program == "" {
		return "", &Error{ExitNotFound, errors.New("no program named")}
	}
	if strings.Contains(program, "/") {
		return program, executable(program)
	}

	var refused error
	for _, dir := range filepath.SplitList(value(env, "PATH")) {
		if dir == "" {
			dir = "." // an empty entry of PATH means the current directory
		}

		p := filepath.Join(dir, program)
		if !filepath.IsAbs(p) {
			p = "./" + p
		}

		err := executable(p)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", &Error{ExitNotFound, fmt.Errorf("program %q is not on PATH", program)}
}

// executable says whether the path could be executed by somebody: what the kernel really thinks, exec tells.
func executable(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{ExitNotFound, fmt.Errorf("program: %w", err)}
	}
	if err != nil {
		return &Error{ExitCannot, fmt.Errorf("program: %w", err)}
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return &Error{ExitCannot, fmt.Errorf("program %s: %w", path, fs.ErrPermission)}
	}
	return nil
}

// value returns a variable of an environment. Of several settings the last counts, as in os/exec.
func value(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], name+"="); ok {
			return v
		}
	}
	return ""
}
