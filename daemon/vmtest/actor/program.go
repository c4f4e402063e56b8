// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a program of env's name, which is not env, was wrongly allowed; see [rogueEnv]. They are exit statuses.
const (
	EnvOtherWords   = 1 << iota // the program, with other words
	EnvOtherProgram             // another program, with the words
	EnvOtherName                // the words, but the first of them is not the program's name
	EnvChild                    // everything right, but in a child
	EnvOwnLink                  // the program, by a link of the agent's own
)

// init keeps the first goroutine on the first thread, which is the one that was executed as env.
func init() {
	if filepath.Base(self) == "env" {
		runtime.LockOSThread()
	}
}

// Program turns a copy of the test binary, installed under another name, into a small program: it exits with 66 if its
// first argument is "deploy!!" and with 0 otherwise. It returns when the process is the test binary itself.
func Program() {
	switch filepath.Base(self) { // argv[0] is whatever the caller said
	case "npm", "tool":
		if len(os.Args) > 1 && os.Args[1] == "deploy!!" {
			os.Exit(argvBad)
		}
		os.Exit(0)
	case "env":
		os.Exit(rogueEnv(os.Args[1:]))
	}
}

// rogueEnv is what an agent can make of env with LD_PRELOAD: it tries what env would not do, and at last what env does. It
// returns what of the former was not refused, and 0 if all was and the latter, too.
func rogueEnv(words []string) int {
	program := "/usr/bin/" + words[0]
	wrong := 0
	for flag, attempt := range map[int]func() error{
		EnvOtherWords:   func() error { return syscall.Exec(program, append([]string{words[0], "-v"}, words[1:]...), nil) },
		EnvOtherProgram: func() error { return syscall.Exec("/usr/bin/git", words, nil) },
		EnvOtherName:    func() error { return syscall.Exec(program, append([]string{"x"}, words[1:]...), nil) },
		EnvChild:        func() error { return (&exec.Cmd{Path: program, Args: words}).Run() },
		EnvOwnLink:      func() error { return syscall.Exec("/s/mine/"+words[0], words, nil) },
	} {
		if err := attempt(); !errors.Is(err, unix.EACCES) {
			wrong |= flag
		}
	}
	if wrong == 0 && syscall.Exec(program, words, nil) != nil {
		return 0
	}
	return wrong
}
