// SPDX-License-Identifier: Apache-2.0

//go:build vm

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// playRole is what the test binary does as the program of a guest.
func playRole(role string) int {
	switch role {
	case "inspect":
		return inspect()
	case "bytes":
		_, _ = os.Stdout.Write(everyByte())
		fmt.Fprint(os.Stderr, "error output\r\n")
		return 3
	case "orphans":
		sleeper := exec.Command("/bin/sh", "-c", "trap '' TERM HUP; (sleep 1000 &) ; sleep 1000")
		sleeper.Stdout = os.Stdout
		if err := sleeper.Start(); err != nil {
			return 1
		}
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
		time.Sleep(time.Hour)
	case "hang":
		time.Sleep(time.Hour)
	case "panic":
		_ = os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
		time.Sleep(time.Hour)
	}
	return 99
}

// inspect compares the guest with what vmrun's documentation promises, and
// prints what is different.
func inspect() int {
	checks := []struct {
		name string
		do   func() error
	}{
		{"PID 1 is /init", linkIs("/proc/1/exe", "/init")},
		{"bpf is an active security module", fileHas("/sys/kernel/security/lsm", "bpf")},
		{"kernel types", exists("/sys/kernel/btf/vmlinux")},
		{"cgroup controllers", fileHas("/sys/fs/cgroup/cgroup.controllers", "memory")},
		{"tracefs", exists("/sys/kernel/tracing/trace")},
		{"mounts", checkMounts},
		{"device links", linkIs("/dev/stdout", "/proc/self/fd/1")},
		{"merged /usr", linkIs("/lib64", "usr/lib64")},
		{"own task file is gone", absent(taskFile)},
		{"host name", fileHas("/proc/sys/kernel/hostname", guestName)},
		{"variable of the host", envIs(roleVariable, "inspect")},
		{"variable of the flag", envIs("CAISSON_SECOND", "two")},
		{"home", envIs("HOME", "/root")},
		{"arguments", checkArguments},
		{"test data in the working directory", fileHas("testdata/packed.txt", "packed")},
		{"copied file", fileHas("/srv/copied.go", "Command vmrun")},
		{"copied directory", fileHas("/srv/data/packed.txt", "packed")},
		{"busybox applet", outputHas("/usr/bin/id", "uid=0(root)")},
		{"dynamic program", outputHas("/bin/cat --version", "GNU coreutils")},
		{"module", fileHas("/proc/filesystems", "overlay")},
		{"unprivileged user", checkUser},
		{"loopback", checkLoopback},
		{"limits", checkLimits},
		{"pseudo terminal", exists("/dev/ptmx")},
	}

	status := 0
	for _, c := range checks {
		if err := c.do(); err != nil {
			fmt.Printf("%s: %v\n", c.name, err)
			status = 1
		}
	}
	version, _ := os.ReadFile("/proc/version")
	fmt.Printf("%s", version)
	return status
}

func exists(name string) func() error {
	return func() error { _, err := os.Stat(name); return err }
}

func absent(name string) func() error {
	return func() error {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: %v", name, err)
		}
		return nil
	}
}

func linkIs(name, want string) func() error {
	return func() error {
		got, err := os.Readlink(name)
		if err == nil && got != want {
			err = fmt.Errorf("%s points to %s", name, got)
		}
		return err
	}
}

func fileHas(name, want string) func() error {
	return func() error {
		text, err := os.ReadFile(name)
		if err == nil && !bytes.Contains(text, []byte(want)) {
			err = fmt.Errorf("no %q in %s: %q", want, name, text)
		}
		return err
	}
}

func envIs(name, want string) func() error {
	return func() error {
		if got := os.Getenv(name); got != want {
			return fmt.Errorf("%s is %q", name, got)
		}
		return nil
	}
}

func outputHas(command, want string) func() error {
	return func() error {
		words := strings.Fields(command)
		out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
		if err == nil && !bytes.Contains(out, []byte(want)) {
			err = fmt.Errorf("%s printed %q", command, out)
		}
		return err
	}
}

func checkMounts() error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, m := range mountTable {
		if !bytes.Contains(text, []byte(" "+m.Target+" ")) || !bytes.Contains(text, []byte(" - "+m.Type+" ")) {
			return fmt.Errorf("no %s on %s:\n%s", m.Type, m.Target, text)
		}
	}
	if first, _, _ := bytes.Cut(text, []byte("\n")); !bytes.Contains(first, []byte("shared:")) {
		return fmt.Errorf("the root mount is not shared: %s", first)
	}
	return nil
}

func checkArguments() error {
	if len(os.Args) != 3 || os.Args[1] != "an argument" || os.Args[2] != "-x" {
		return fmt.Errorf("%q", os.Args)
	}
	return nil
}

func checkUser() error {
	u, err := user.Lookup("agent")
	if err == nil && (u.Uid != "1000" || u.HomeDir != "/home/agent") {
		err = fmt.Errorf("%+v", u)
	}
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", "touch /home/agent/x && ! cat /etc/shadow 2>/dev/null")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	return cmd.Run()
}

func checkLoopback() error {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		c, err := net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
		l.Close()
		if err != nil {
			return err
		}
		c.Close()
	}
	return nil
}

func checkLimits() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Max != openFiles {
		return fmt.Errorf("%d open files", limit.Max)
	}
	return nil
}
