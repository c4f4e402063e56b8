// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caisson": main})
}

// TestScripts runs caisson as a process, in the scripts of testdata/script.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SEED", filepath.Join(root, "testdata/policies"))
			env.Setenv("ESC", "\x1b[31mred")
			// A directory that the tester may not look into would change what "not found" means.
			own, _, _ := strings.Cut(env.Getenv("PATH"), ":")
			env.Setenv("PATH", own+":/usr/bin:/bin")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exitsCmd, "mklog": mklogCmd, "tear": tearCmd, "tamper": tamperCmd, "fakedaemon": fakeDaemonCmd,
			"mkevents": mkeventsCmd,
		},
	})
}

// exitsCmd runs "exits STATUS COMMAND…" and checks the very exit status.
func exitsCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)

	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
