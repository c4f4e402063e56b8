// SPDX-License-Identifier: Apache-2.0

package control

import (
	"os"
	"os/user"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPerson(t *testing.T) {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	p := Peer{PID: os.Getpid(), UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Pidfd: pidfd}
	who, err := p.Person()
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	own, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	if who.User != me.Username || !who.Owner || !slices.Contains(who.Groups, own.Name) || who.PID != uint32(os.Getpid()) {
		t.Errorf("%+v, want %s of %s", who, me.Username, own.Name)
	}

	p.UID++ // as which the test does not run
	if who, err := p.Person(); err != nil || who.Owner {
		t.Errorf("another user is an owner: %+v, %v", who, err)
	}
	p.PID = 1 << 22 // above every number that the kernel gives
	if who, err := p.Person(); err == nil {
		t.Errorf("nobody is somebody: %+v", who)
	}
}

func TestGroups(t *testing.T) {
	if got := groups([]byte("Name:\tGroups: 7\nUid:\t0\nGroups:\t4 24 1000 \nNStgid:\t1\n")); !slices.Equal(got, []string{"4", "24", "1000"}) {
		t.Errorf("groups %q", got)
	}
	if got := groups([]byte("Name:\tx\n")); got != nil {
		t.Errorf("groups %q", got)
	}
}

func TestTerminal(t *testing.T) {
	for nr, want := range map[uint64]string{0: "", 34816: "pts/0", 34819: "pts/3", 1025: "tty1", 136<<8 | 255 | 1<<20: "pts/511", 137 << 8: "pts/256", 5 << 8: "5:0"} {
		if got := terminal(nr); got != want {
			t.Errorf("device %d is %q, want %q", nr, got, want)
		}
	}
}
