// SPDX-License-Identifier: Apache-2.0

//go:build vm

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// These tests run on the host and boot guests whose kernel command line they choose, which a test that is itself the
// program of a guest cannot. The programs are built here as they are installed; in the guest this test binary is started
// again, runs the commands it is given and prints what came of them. CAISSON_KERNEL chooses the kernel.
const hideVariable = "CAISSON_TEST_HIDE" // in a guest: a directory to cover, or "" for none

func TestMain(m *testing.M) {
	if hidden, ok := os.LookupEnv(hideVariable); ok {
		os.Exit(witness(hidden, os.Args[1:]))
	}
	os.Exit(buildAndRun(m))
}

// built is the directory of the programs under test.
var built string

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "caissond-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	built = dir
	build := exec.Command("go", "build", "-trimpath", "-o", dir+"/", "caisson/cmd/caissond", "caisson/cmd/caisson", "caisson/cmd/vmrun")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// outcome is what came of one command in a guest.
type outcome struct {
	Status         int
	Stdout, Stderr string
	Made           []string // files, BPF programs and maps that were not there before the command
}

// inGuest boots a guest and runs commands in it, one after the other. Words of a command are separated by spaces.
func inGuest(t *testing.T, parameters, hidden string, commands ...string) []outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-append", parameters, "-env", hideVariable + "=" + hidden,
		"-file", filepath.Join(built, "caissond") + "=/usr/sbin/caissond", "-file", filepath.Join(built, "caisson") + "=/usr/bin/caisson", self}
	vmrun := exec.Command(filepath.Join(built, "vmrun"), append(args, commands...)...)
	var stdout, stderr bytes.Buffer
	vmrun.Stdout, vmrun.Stderr = &stdout, &stderr
	if err := vmrun.Run(); err != nil {
		t.Fatalf("guest: %v\n%s%s", err, stdout.Bytes(), stderr.Bytes())
	}

	var outcomes []outcome
	if err := json.Unmarshal(stdout.Bytes(), &outcomes); err != nil || len(outcomes) != len(commands) {
		t.Fatalf("the guest's report: %v, %d of %d commands\n%s", err, len(outcomes), len(commands), stdout.Bytes())
	}
	return outcomes
}

// witness is the program of a guest: it covers a directory, runs the commands and prints their outcomes. Its status is
// not theirs, but whether it could do so.
func witness(hidden string, commands []string) int {
	if hidden != "" {
		if err := unix.Mount("tmpfs", hidden, "tmpfs", 0, ""); err != nil {
			fmt.Fprintf(os.Stderr, "covering %s: %v\n", hidden, err)
			return 1
		}
	}

	var outcomes []outcome
	for _, command := range commands {
		o, err := observe(strings.Fields(command))
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", command, err)
			return 1
		}
		outcomes = append(outcomes, o)
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// observe runs one command and looks at what it leaves behind.
func observe(words []string) (outcome, error) {
	before, err := inventory()
	if err != nil {
		return outcome{}, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return outcome{}, err
	}
	after, err := inventory()
	if err != nil {
		return outcome{}, err
	}

	maps.DeleteFunc(after, func(name string, _ bool) bool { return before[name] })
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), slices.Sorted(maps.Keys(after))}, nil
}

// inventory lists what there is: every file outside of the kernel's own trees, every pin, every cgroup, and every BPF
// program and map, pinned or not.
func inventory() (map[string]bool, error) {
	found := map[string]bool{}
	for _, root := range []string{"/", "/sys/fs/bpf", "/sys/fs/cgroup"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			found[name] = true
			if root == "/" && slices.Contains([]string{"/proc", "/sys", "/dev"}, name) {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}

	programs := func(id uint32) (uint32, error) {
		next, err := ebpf.ProgramGetNextID(ebpf.ProgramID(id))
		return uint32(next), err
	}
	tables := func(id uint32) (uint32, error) {
		next, err := ebpf.MapGetNextID(ebpf.MapID(id))
		return uint32(next), err
	}
	for kind, next := range map[string]func(uint32) (uint32, error){"program": programs, "map": tables} {
		id, err := next(0)
		for ; err == nil; id, err = next(id) {
			found[fmt.Sprintf("BPF %s %d", kind, id)] = true
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("listing every BPF %s: %w", kind, err)
		}
	}
	return found, nil
}
