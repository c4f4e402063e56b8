// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workTop is where the workloads live; the agent may read and change everything below it.
const workTop = "/bench/work"

// agentWork is the agent that runs the workloads.
const agentWork = "bench-work"

// workPolicy is what somebody would write for an agent that builds: its own directory, and three commands with what they
// start.
const workPolicy = `agent: ` + agentWork + `
rules:
  - { name: no-keys, action: file_read, conditions: { path: { glob: "/**/*.pem" } }, effect: DENY }
  - { name: read, action: file_read, conditions: { path: { starts_with: [` + workTop + `, /usr, /proc/self] } }, effect: ALLOW }
  - { name: write, action: file_write, conditions: { path: { starts_with: [` + workTop + `, /tmp] } }, effect: ALLOW }
  - { name: temporary, action: file_read, conditions: { path: { starts_with: /tmp } }, effect: ALLOW }
  - { name: git, action: shell_exec, conditions: { command: { starts_with: git clone } }, effect: ALLOW, descendants: allow }
  - { name: gcc, action: shell_exec, conditions: { command: { starts_with: gcc } }, effect: ALLOW, descendants: allow }
  - { name: npm, action: shell_exec, conditions: { command: { starts_with: npm test } }, effect: ALLOW, descendants: allow }
`

// workload is something that agents do all day.
type workload struct {
	name   string
	needs  string // a file that Makefile packs into the guest if it can; without it this is not measured
	once   string // shell, before the first run
	before string // shell, before each run; not measured
	run    string // shell
}

var workloads = []workload{
	{
		name: "git clone, loose",
		once: `git init -q repo; cd repo
			for c in 1 2 3 4; do
				for f in $(seq 60); do mkdir -p src/d$((f % 12)); seq $((f * 40 + c)) >src/d$((f % 12))/f$f.txt; done
				git add -A; git commit -q -m "change $c"
			done`,
		before: "rm -rf clone",
		run:    "git clone -q --no-hardlinks repo clone",
	},
	{
		name:   "git clone, packed",
		once:   "git clone -q --bare --no-hardlinks repo packed; git -C packed repack -qad",
		before: "rm -rf clone",
		run:    "git clone -q --no-hardlinks packed clone",
	},
	{
		name:   "git clone, caisson",
		needs:  workTop + "/project.git/HEAD",
		once:   "git -C project.git count-objects -v >&2",
		before: "rm -rf clone",
		run:    "git clone -q --no-hardlinks project.git clone",
	},
	{
		name: "C build",
		once: `mkdir -p c; cd c; for f in $(seq 8); do
				{
					for h in stdio stdlib string unistd errno; do echo "#include <$h.h>"; done
					for n in $(seq 60); do echo "int f${f}_$n(int n) { char b[64]; snprintf(b, sizeof b, \"%d\", n); return (int)strlen(b) + n * $n; }"; done
				} >f$f.c
			done
			echo 'int f1_1(int); int main(void) { return f1_1(1) != 2; }' >main.c`,
		before: "rm -rf c/out; mkdir c/out",
		run:    "cd c; for f in *.c; do gcc -O1 -c $f -o out/$f.o; done; gcc -o out/prog out/*.o",
	},
	{
		name: "npm test",
		once: `mkdir -p app/lib; cd app
			echo '{"name": "app", "version": "1.0.0", "scripts": {"test": "node test.js"}}' >package.json
			for f in $(seq 40); do echo "exports.value = $f" >lib/m$f.js; done
			echo 'let n = 0; for (let f = 1; f <= 40; f++) n += require("./lib/m" + f).value; if (n !== 820) process.exit(1)' >test.js`,
		before: "true",
		run:    "cd app; npm test --silent",
	},
}

// workResult is what one workload took.
type workResult struct {
	Name       string
	Unconfined time.Duration // user and system time
	Agent      time.Duration
}

// measureWork makes a report of the workloads alone; of those whose names begin with one of these words, if any are given.
func measureWork(ctx context.Context, only []string) (report, error) {
	r := report{}
	w, err := newWorld()
	if err != nil {
		return r, err
	}
	defer w.close()
	if r.Kernel, err = release(); err != nil {
		return r, err
	}
	if err := layOutWork(); err != nil {
		return r, err
	}
	if err := w.attachFloor(ctx); err != nil {
		return r, err
	}
	if err := w.startDaemon(ctx); err != nil {
		return r, err
	}
	if r.Work, err = w.measureWorkloads(ctx, only); err != nil {
		return r, err
	}
	return r, w.stopDaemon(ctx)
}

// workRounds is how often each is run each way, in turns; the fastest counts, since what disturbs only adds.
const workRounds = 3

// measureWorkloads runs every workload outside of any agent and as one, with the same programs loaded.
func (w *world) measureWorkloads(ctx context.Context, only []string) ([]workResult, error) {
	var results []workResult
	for _, load := range workloads {
		if !wanted(load.name, only) {
			continue
		}
		if _, err := os.Stat(load.needs); load.needs != "" && err != nil {
			fmt.Fprintf(os.Stderr, "%-18s not measured: %v (make bench packs the history of its own repository, unless that is shallow)\n", load.name, err)
			continue
		}
		if err := shell(ctx, load.once); err != nil {
			return nil, fmt.Errorf("%s: laying out: %w", load.name, err)
		}
		var plain, agent []time.Duration
		for range workRounds {
			for _, way := range []struct {
				launcher []string
				times    *[]time.Duration
			}{{nil, &plain}, {[]string{w.caisson, "run", "--agent", agentWork, "--"}, &agent}} {
				if err := shell(ctx, load.before); err != nil {
					return nil, fmt.Errorf("%s: clearing up: %w", load.name, err)
				}
				took, err := w.timed(ctx, way.launcher, load.run)
				if err != nil {
					return nil, fmt.Errorf("%s: %v: %w", load.name, way.launcher, err)
				}
				*way.times = append(*way.times, took)
			}
		}
		r := workResult{load.name, slices.Min(plain), slices.Min(agent)}
		fmt.Fprintf(os.Stderr, "%-18s unconfined %v, agent %v\n", load.name, plain, agent)
		results = append(results, r)
	}
	return results, nil
}

// wanted reports whether a workload's name begins with one of these words, or none are given.
func wanted(name string, only []string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(o string) bool { return strings.HasPrefix(name, o) })
}

// timed runs a line of shell through a timer of its own, so that what caisson needs to start the agent is not counted.
func (w *world) timed(ctx context.Context, launcher []string, line string) (time.Duration, error) {
	argv := append(slices.Clone(launcher), w.self, timeWord, "/bin/bash", "-ec", line)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Stderr = workTop, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the timer: %w", err)
	}
	return time.Duration(ns), nil
}

// timeWord is the first argument that makes the program a timer.
const timeWord = "time"

// timeCommand runs a command and prints the user and system time of it and of everything it waited for, in nanoseconds.
// Its standard output goes where errors go.
func timeCommand(argv []string) error {
	if len(argv) == 0 {
		return fmt.Errorf("%s: no command given", timeWord)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%v: %w", argv, err)
	}
	_, err := fmt.Println(int64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()))
	return err
}

// shell runs a line in the workloads' directory.
func shell(ctx context.Context, line string) error {
	cmd := exec.CommandContext(ctx, "/bin/bash", "-ec", line)
	cmd.Dir, cmd.Stderr = workTop, os.Stderr
	return cmd.Run()
}

// layOutWork makes the workloads' directory and the environment they need.
func layOutWork() error {
	// A guest's root is a tmpfs that everybody may write, and no shell below such a directory is trusted.
	if err := os.Chmod("/", 0o755); err != nil {
		return fmt.Errorf("laying out the workloads: %w", err)
	}
	npm, err := filepath.Glob("/usr/*/*/npm/bin/npm-cli.js")
	if err != nil || len(npm) != 1 {
		return fmt.Errorf("laying out the workloads: npm is not packed into the guest: %q, %v", npm, err)
	}
	if err := os.Symlink(npm[0], "/usr/bin/npm"); err != nil {
		return fmt.Errorf("laying out the workloads: %w", err)
	}
	home := filepath.Join(workTop, "home")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("laying out the workloads: %w", err)
	}
	for name, value := range map[string]string{
		"HOME": home, "PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1", "TMPDIR": "/tmp",
		"GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@localhost", "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@localhost",
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("laying out the workloads: %w", err)
		}
	}
	return nil
}
