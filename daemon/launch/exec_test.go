// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"caisson/daemon/api"
)

// role is the first argument of this program when it is to launch: socket, agent, program, arguments.
const role = "-role=launch"

func init() {
	if len(os.Args) < 5 || os.Args[1] != role {
		return
	}
	runtime.LockOSThread()
	inherited, err := os.Open("/dev/null") // must not reach the program
	if err != nil {
		panic(err)
	}
	err = Exec(os.Args[2], api.RunRequest{Agent: os.Args[3]}, os.Args[4:], append(os.Environ(), "LAUNCHED=yes"))
	fmt.Fprintln(os.Stderr, err, inherited.Name())
	var e *Error
	if errors.As(err, &e) {
		os.Exit(e.Exit)
	}
	os.Exit(1)
}

// serve answers on a socket with a fixed status and body and hands out what it was asked.
func serve(t *testing.T, status int, body string) (socket string, asked <-chan string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ch := make(chan string, 1)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		ch <- r.Method + " " + r.URL.Path + " " + string(b)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return socket, ch
}

func TestExec(t *testing.T) {
	const ok = `{"run":"abcdefghijkl","agent":"a"}`
	tests := []struct {
		name   string
		status int
		body   string
		argv   []string
		exit   int
		output string // part of what is written
		asks   bool
	}{
		{"exit status is the program's", 200, ok, []string{"sh", "-c", "exit 42"}, 42, "", true},
		{"environment", 200, ok, []string{"sh", "-c", "echo $LAUNCHED"}, 0, "yes", true},
		// The shell lists the directory itself, so the fourth is that directory; a pipeline's own pipe would be a race.
		{"only standard files are inherited", 200, ok, []string{"sh", "-c", "set -- /proc/$$/fd/*; echo $#"}, 0, "4\n", true},
		{"killed by a signal", 200, ok, []string{"sh", "-c", "kill -TERM $$"}, -1, "", true},
		{"refused", 403, `{"error":"refused: the caller is an agent","hint":"no"}`, []string{"sh", "-c", "echo ran"}, ExitRefused, "is an agent", true},
		{"answer that is none", 200, `nonsense`, []string{"sh", "-c", "echo ran"}, ExitRefused, "answer", true},
		{"program is looked up before", 200, ok, []string{"no-such-program"}, ExitNotFound, "not on PATH", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			socket, asked := serve(t, tc.status, tc.body)
			cmd := exec.Command("/proc/self/exe", append([]string{role, socket, "a"}, tc.argv...)...)
			cmd.Env = append(os.Environ(), "PATH=/usr/bin:/bin") // who tests may have one with closed directories
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tc.exit || !strings.Contains(string(out), tc.output) || strings.Contains(string(out), "ran") {
				t.Errorf("exit status %d, output %q", got, out)
			}
			select {
			case request := <-asked:
				if !tc.asks || request != "POST "+api.PathRuns+` {"agent":"a"}` {
					t.Errorf("asked %q", request)
				}
			default:
				if tc.asks {
					t.Error("the daemon was not asked")
				}
			}
		})
	}
}

func TestNoDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none")
	out, _ := exec.Command("/proc/self/exe", role, socket, "a", "sh", "-c", "echo ran").CombinedOutput()
	if !strings.Contains(string(out), "connecting to the daemon") || strings.Contains(string(out), "ran\n") {
		t.Errorf("output %q", out)
	}
}

func TestMainThreadOnly(t *testing.T) {
	// Of two goroutines that hold a thread each at the same time, one at least is not on the main thread.
	var both sync.WaitGroup
	both.Add(2)
	refused := make(chan bool, 2)
	for range 2 {
		go func() {
			runtime.LockOSThread()
			both.Done()
			both.Wait()
			err := Exec("/none", api.RunRequest{Agent: "a"}, []string{"no-such-program"}, nil)
			refused <- strings.Contains(err.Error(), "main thread")
		}()
	}
	if one, two := <-refused, <-refused; !one && !two {
		t.Error("two threads are the main thread")
	}
}
