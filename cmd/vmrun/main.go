// SPDX-License-Identifier: Apache-2.0

// Command vmrun runs one program as root in a throw-away virtual machine with
// a real Debian kernel, and behaves as if the program had run right here: its
// output comes out, its exit status becomes vmrun's own. It is meant for
//
//	go test -exec "bin/vmrun -kernel 6.12" ./some/package
//
// and is never installed. The machine is QEMU's software emulation; no KVM,
// no network and no disk are needed, and root is needed only where apt's
// package lists must be refreshed. The guest's whole world is an initramfs
// that vmrun packs: the program, busybox, what the flags add, and vmrun itself
// as PID 1. It is gone when the program ends.
//
// Trust: the guest is a test subject, not an adversary. It cannot end vmrun
// with a wrong status by printing something, because status and output are
// framed by PID 1, but root in the guest could write frames of its own.
//
// Exit status: the program's own; 128+n if signal n ended it; 124 if the
// timeout did; 125 if the machine could not be started or ended without a
// status (its console's last lines are then printed); 2 for wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

// Exit statuses that vmrun adds to those of the program.
const (
	exitUsage   = 2
	exitTimeout = 124
	exitMachine = 125
)

func main() {
	if isInit() {
		runInit()
	}
	os.Exit(run(os.Args[1:]))
}

// run is everything that happens on the host; it returns the exit status.
func run(args []string) int {
	opt, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vmrun: %v\n", err)
		return exitUsage
	}

	if opt.Fetch {
		err = fetchAll(opt.Args)
		if err == nil {
			return 0
		}
	} else {
		var status int
		status, err = runMachine(opt)
		if err == nil {
			return status
		}
	}

	fmt.Fprintf(os.Stderr, "vmrun: %v\n", err)
	if errors.Is(err, errTimeout) {
		return exitTimeout
	}
	return exitMachine
}

// fetchAll brings the newest kernel of each series into the cache and prints
// what is there.
func fetchAll(series []string) error {
	root, err := cacheRoot()
	if err != nil {
		return err
	}
	for _, s := range series {
		k, err := fetchKernel(root, s)
		if err != nil {
			return err
		}
		fmt.Printf("%s\t%s\t%s\n", s, k, k.Dir)
	}
	return nil
}
