//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

const makerPolicy = `agent: maker
rules:
  - { name: sealed, action: file_write, conditions: { path: { equals: /made/in/sealed } }, effect: DENY }
  - { name: in, action: file_write, conditions: { path: { starts_with: /made/in } }, effect: ALLOW }
  - { name: read, action: file_read, conditions: { path: { starts_with: /made/in/open } }, effect: ALLOW }
`

// Making a file and writing to it are one action. An open that makes a file is asked about that once, when the file does not
// exist yet; all else that it asks for is decided as ever, and so is each other way to come by a new file.
func TestVMCreationIsDecidedOnce(t *testing.T) {
	const write, create = unix.O_WRONLY, unix.O_CREAT
	theHost.policy(t, "maker", makerPolicy)
	c := theHost.launch(t, "maker")

	for _, row := range []struct {
		name string
		path string
		flag int
		make string // how the file comes to be before it is opened: "" not, "host", or an operation of the agent's
		want unix.Errno
		log  []string
	}{
		{"made and written", "/made/in/f", create | write, "", 0, []string{"file.create file_write ALLOW"}},
		{"made, truncated and written", "/made/in/f", create | write | unix.O_TRUNC, "", 0, []string{"file.create file_write ALLOW"}},
		{"made exclusively", "/made/in/f", create | write | unix.O_EXCL, "", 0, []string{"file.create file_write ALLOW"}},
		{"may not be written", "/made/in/sealed", create | write, "", unix.EACCES, []string{"file.create file_write DENY"}},
		{"may not be written there", "/made/out/f", create | write, "", unix.EACCES, []string{"file.create file_write DENY"}},
		{"made and read", "/made/in/open/f", create | unix.O_RDWR, "", 0, []string{"file.create file_write ALLOW", "file.open file_read ALLOW"}},
		{"made, may not be read", "/made/in/f", create | unix.O_RDWR, "", unix.EACCES, []string{"file.create file_write ALLOW", "file.open file_read DENY"}},
		{"made only to be read, which it may not be", "/made/in/f", create, "", unix.EACCES, []string{"file.create file_write ALLOW", "file.open file_read DENY"}},
		{"exists", "/made/in/f", create | write, "host", 0, []string{"file.open file_write ALLOW"}},
		{"exists, may not be written", "/made/in/sealed", create | write, "host", unix.EACCES, []string{"file.open file_write DENY"}},
		{"exists, may not be written there", "/made/out/f", create | write, "host", unix.EACCES, []string{"file.open file_write DENY"}},
		{"made before", "/made/in/f", create | write, "mkfile", 0, []string{"file.create file_write ALLOW", "file.open file_write ALLOW"}},
		{"without a name", "/made/in", unix.O_TMPFILE | write, "", 0, []string{"file.open file_write ALLOW"}},
		{"without a name, may not be written", "/made/out", unix.O_TMPFILE | write, "", unix.EACCES, []string{"file.open file_write DENY"}},
		{"without a name, after one that was made", "/made/out", unix.O_TMPFILE | write, "mkfile /made/in/g", unix.EACCES,
			[]string{"file.create file_write ALLOW", "file.open file_write DENY"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := os.RemoveAll("/made"); err != nil {
				t.Fatal(err)
			}
			lay(t, []string{"/made/in/open", "/made/out"}, nil)
			before := len(made(t))
			switch row.make {
			case "":
			case "host":
				lay(t, nil, []string{row.path})
			case "mkfile":
				c.allowed(actor.Request{Op: "mkfile", Path: row.path})
			default:
				c.allowed(actor.Request{Op: "mkfile", Path: "/made/in/g"})
			}
			if a := c.do(actor.Request{Op: "open", Path: row.path, Flag: row.flag}); a.Errno != int(row.want) {
				t.Errorf("open: %v, want %v", a.Err(), row.want)
			}

			if log := made(t)[before:]; !slices.Equal(log, row.log) {
				t.Errorf("log: %q, want %q", log, row.log)
			}
		})
	}
	absent(t, "/made/in/sealed")
}

// made returns what the log holds about the maker's files, in order.
func made(t *testing.T) []string {
	t.Helper()
	var log []string
	for _, r := range theHost.records(t, audit.Filter{Agent: "maker"}) {
		if strings.HasPrefix(r.Path, "/made/") {
			log = append(log, string(r.Kind)+" "+r.Action+" "+r.Verdict)
		}
	}
	return log
}
