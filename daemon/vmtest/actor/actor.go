// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// enterEnv names the variable that turns a test binary into an actor: the cgroup directory to enter first, or "here".
const enterEnv = "CAISSON_ACTOR"

// Request is one thing to try.
type Request struct {
	Op   string
	Path string
	To   string   // second path, target or name
	Args []string // argv of an exec
	Addr string   // host:port of a connect, or a Unix socket's path ("@name" for an abstract one)
	Flag int      // open flags, count, …; see the operation
	Data string
}

// Answer says what came of it.
type Answer struct {
	Errno  int    // 0: it worked
	Status int    // exit status of an exec, or a count
	Out    string // what was read
}

// Err returns the answer's error number as an error, nil for 0.
func (a Answer) Err() error {
	if a.Errno == 0 {
		return nil
	}
	return unix.Errno(a.Errno)
}

// Denied reports whether the answer is the one that caisson gives.
func (a Answer) Denied() bool { return a.Errno == int(unix.EACCES) }

// Main serves requests and exits, if this process is to be an actor; otherwise it returns.
func Main() {
	dir := os.Getenv(enterEnv)
	if dir == "" {
		return
	}
	if dir != "here" {
		procs := filepath.Join(dir, "cgroup.procs")
		if err := os.WriteFile(procs, []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			fmt.Fprintln(os.Stderr, "actor:", err)
			os.Exit(1)
		}
	}
	os.Unsetenv(enterEnv)
	runtime.LockOSThread() // namespaces and working directories can be a thread's own
	serve()
	os.Exit(0)
}

func serve() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r Request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "actor:", err)
			os.Exit(1)
		}
		if err := out.Encode(do(r)); err != nil {
			os.Exit(1)
		}
	}
}

// do carries out one request; an unknown one is ENOSYS.
func do(r Request) Answer {
	op, ok := operations[r.Op]
	if !ok {
		return Answer{Errno: int(unix.ENOSYS)}
	}
	return op(r)
}

func answer(err error) Answer {
	if err == nil {
		return Answer{}
	}
	var errno unix.Errno
	if asErrno(err, &errno) {
		return Answer{Errno: int(errno)}
	}
	return Answer{Errno: int(unix.EIO), Out: err.Error()}
}
