// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
)

// options is the command line of vmrun.
type options struct {
	Kernel  string        // series such as "6.12", or an exact release
	Timeout time.Duration // wall time for the whole run
	Memory  string        // as QEMU writes it: 2G
	CPUs    int           // number of virtual processors
	Append  string        // more words for the kernel command line
	Icount  bool          // one CPU whose clock counts instructions
	Verbose bool          // the console goes to standard error as well
	Fetch   bool          // only download the kernels named in Args
	Files   []mapping     // regular files to copy
	Dirs    []mapping     // directories to copy with their contents
	Progs   []mapping     // dynamically linked programs, with their libraries
	Modules []string      // kernel modules to load before the program starts
	Env     []string      // K=V for the program
	Args    []string      // the program and its arguments
}

// mapping is a HOST=GUEST pair of a flag.
type mapping struct {
	Host, Guest string
}

const usageText = `usage: vmrun [flags] PROGRAM [ARGUMENT...]
       vmrun -fetch SERIES...

Runs PROGRAM as root in a virtual machine and exits with its status.

`

// parseOptions reads the command line; the program's own flags stay untouched.
func parseOptions(args []string) (*options, error) {
	opt := &options{}
	flags := flag.NewFlagSet("vmrun", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usageText)
		flags.PrintDefaults()
	}

	kernel := os.Getenv("CAISSON_KERNEL")
	if kernel == "" {
		kernel = "6.12"
	}
	flags.StringVar(&opt.Kernel, "kernel", kernel, "kernel `series` or exact release; CAISSON_KERNEL sets the default")
	flags.DurationVar(&opt.Timeout, "timeout", 5*time.Minute, "wall `time` after which the machine is stopped")
	flags.StringVar(&opt.Memory, "mem", "2G", "memory `size` of the machine")
	flags.IntVar(&opt.CPUs, "smp", 2, "`number` of processors")
	flags.StringVar(&opt.Append, "append", "", "more `words` for the kernel command line")
	flags.BoolVar(&opt.Icount, "icount", false, "count instructions instead of time (implies one processor)")
	flags.BoolVar(&opt.Verbose, "v", false, "print the kernel's console on standard error")
	flags.BoolVar(&opt.Fetch, "fetch", false, "only download the newest kernel of each series")
	flags.Func("file", "copy one file (`HOST=GUEST`)", mappings(&opt.Files, false))
	flags.Func("dir", "copy a directory (`HOST=GUEST`)", mappings(&opt.Dirs, false))
	flags.Func("prog", "copy a program and its libraries (`HOST[=GUEST]`)", mappings(&opt.Progs, true))
	flags.Func("module", "load a kernel module (`NAME`) and what it depends on", func(s string) error {
		opt.Modules = append(opt.Modules, s)
		return nil
	})
	flags.Func("env", "set an environment variable (`K=V`)", func(s string) error {
		if !strings.Contains(s, "=") {
			return errors.New("want K=V")
		}
		opt.Env = append(opt.Env, s)
		return nil
	})

	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	opt.Args = flags.Args()
	if len(opt.Args) == 0 {
		return nil, errors.New("no program named (vmrun -h shows the usage)")
	}
	if opt.Icount {
		opt.CPUs = 1
	}
	return opt, nil
}

// mappings returns a flag function that collects HOST=GUEST pairs; with
// same true, GUEST may be left out and is then the same as HOST.
func mappings(list *[]mapping, same bool) func(string) error {
	return func(s string) error {
		host, guest, ok := strings.Cut(s, "=")
		if !ok && same {
			guest = host
		}
		if host == "" || !path.IsAbs(guest) {
			return errors.New("want HOST=GUEST with an absolute GUEST")
		}
		if dir := hiddenBy(guest); dir != "" {
			return fmt.Errorf("%s would be hidden by the mount on %s (choose another place)", guest, dir)
		}
		*list = append(*list, mapping{Host: host, Guest: path.Clean(guest)})
		return nil
	}
}
