// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"caisson/daemon/api"
	"caisson/daemon/proc"
)

const (
	maxParents = 16
	maxCommand = 200 // bytes
)

// lineage describes a process and its parents, as far as they are inside of what agents run in.
func lineage(pid uint32, inside func(pid int) (bool, error)) []api.Process {
	var line []api.Process
	for at := int(pid); len(line) < maxParents; {
		// What cannot be read any more has ended, and with it the line.
		stat, err := proc.OfProcess(at)
		if err != nil {
			return line
		}
		if in, err := inside(at); err != nil || !in {
			return line
		}
		p := api.Process{PID: uint32(at), Comm: valid(stat.Comm), Command: command(at)}
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", at)); err == nil {
			p.Exe = valid(exe)
		}
		line = append(line, p)
		at = stat.PPID
	}
	return line
}

// command is the words of a process, as it has them now.
func command(pid int) string {
	f, err := os.Open(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCommand))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(valid(strings.ReplaceAll(string(b), "\x00", " ")))
}

// valid makes text that JSON carries: what is no UTF-8 is chosen by an agent, and is only shown.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
