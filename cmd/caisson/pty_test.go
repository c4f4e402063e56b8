// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty is a terminal with a process on it, and what the terminal shows.
type pty struct {
	master, slave *os.File
	cmd           *exec.Cmd
	before        unix.Termios

	mu     sync.Mutex
	screen *emulator
	sent   strings.Builder // all that the process has written
}

// newPTY opens a terminal of 80 columns and 24 lines.
func newPTY(t *testing.T) *pty {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })

	p := &pty{master: master, slave: slave}
	p.resize(t, 80, 24)
	p.before = p.settings(t)
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.screen.write(string(b[:n]))
			p.sent.Write(b[:n])
			p.mu.Unlock()
		}
	}()
	return p
}

// start runs caisson on the terminal, as its only session.
func (p *pty) start(t *testing.T, env []string, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(self)
	p.cmd.Args = append([]string{"caisson"}, args...)
	p.cmd.Env = append(append(os.Environ(), "TERM=xterm"), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.slave, p.slave, t.Output()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
}

func (p *pty) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// resize gives the terminal another size, and tells the process, as the kernel would its foreground group.
func (p *pty) resize(t *testing.T, columns, rows int) {
	t.Helper()
	p.mu.Lock()
	p.screen = newEmulator(columns, rows)
	p.mu.Unlock()
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}); err != nil {
		t.Fatal(err)
	}
	if p.cmd != nil {
		p.signal(t, unix.SIGWINCH)
	}
}

func (p *pty) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// press types keys, one after the other as a person would.
func (p *pty) press(t *testing.T, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if _, err := p.master.WriteString(k); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// shows waits until the screen has a text.
func (p *pty) shows(t *testing.T, want string) {
	t.Helper()
	p.until(t, fmt.Sprintf("the screen shows %q", want), func() bool { return strings.Contains(p.text(), want) })
}

func (p *pty) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.text()
}

// output is all that was written to the terminal so far.
func (p *pty) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.String()
}

// until waits for something that must come to be.
func (p *pty) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1500 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited for: %s; the screen is\n%s", what, p.text())
}

// restored wants the terminal to be as it was before.
func (p *pty) restored(t *testing.T) {
	t.Helper()
	if now := p.settings(t); now != p.before {
		t.Errorf("the terminal is %+v, was %+v", now, p.before)
	}
	p.until(t, "the terminal's own screen", func() bool { return strings.HasSuffix(p.output(), leaveScreen) })
}
