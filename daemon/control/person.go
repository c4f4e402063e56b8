// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"caisson/daemon/approvals"
	"caisson/daemon/proc"
)

// Person is who the peer's process acts for, as the kernel has it: its user, its groups and its terminal. Names are those
// of the host's own files (/etc/passwd, /etc/group); what has none there stands for nobody in a rule.
func (p Peer) Person() (approvals.Person, error) {
	who := approvals.Person{UID: p.UID, GID: p.GID, PID: uint32(p.PID), Owner: p.UID == 0 || int(p.UID) == os.Geteuid()}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return who, fmt.Errorf("groups of process %d: %w", p.PID, err)
	}
	stat, err := proc.OfProcess(p.PID)
	if err != nil {
		return who, fmt.Errorf("terminal of process %d: %w", p.PID, err)
	}
	// That it is alive now proves that all the above was said of it.
	if err := unix.PidfdSendSignal(p.Pidfd, 0, nil, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return who, fmt.Errorf("process %d has ended: %w", p.PID, err)
	}

	who.TTY = terminal(stat.TTY)
	if u, err := user.LookupId(strconv.FormatUint(uint64(p.UID), 10)); err == nil {
		who.User = strings.ToValidUTF8(u.Username, "?")
	}
	for _, gid := range append(groups(status), strconv.FormatUint(uint64(p.GID), 10)) {
		if g, err := user.LookupGroupId(gid); err == nil {
			who.Groups = append(who.Groups, g.Name)
		}
	}
	return who, nil
}

// groups are the supplementary groups in /proc/PID/status, as numbers.
func groups(status []byte) []string {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("Groups:")); ok {
			return strings.Fields(string(rest))
		}
	}
	return nil
}

// terminals are the drivers whose devices have well-known names (Documentation/admin-guide/devices.txt), by major number.
var terminals = map[uint64]string{4: "tty", 136: "pts/", 137: "pts/", 138: "pts/", 139: "pts/", 140: "pts/", 141: "pts/", 142: "pts/", 143: "pts/"}

// terminal is the name of a terminal, "" for none; of one without a well-known name, its numbers.
func terminal(dev uint64) string {
	if dev == 0 {
		return ""
	}
	major, minor := dev>>8&0xfff, dev&0xff|dev>>12&0xfff00
	name, known := terminals[major]
	if !known {
		return fmt.Sprintf("%d:%d", major, minor)
	}
	if major >= 136 {
		minor += (major - 136) << 8
	}
	return name + strconv.FormatUint(minor, 10)
}
