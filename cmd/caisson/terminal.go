// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What turns a terminal into one that is drawn on, and back: another screen, no cursor, lines that end at the edge, so that
// a line that is wider than it seemed cannot push others aside, and marks around what is pasted.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[2J"
	leaveScreen = "\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// terminal is one that a person sits at. It must be left as it was found, whatever happens.
type terminal struct {
	in, out *os.File
	saved   unix.Termios
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// openTerminal remembers how the terminal is set; it changes nothing.
func openTerminal(in, out *os.File) (*terminal, error) {
	saved, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("settings of the terminal: %w", err)
	}
	return &terminal{in: in, out: out, saved: *saved}, nil
}

// enter makes every key come at once and unechoed. What was typed before is forgotten: it was not meant for what is drawn
// now.
func (t *terminal) enter() error {
	raw := t.saved
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETSF, &raw); err != nil {
		return fmt.Errorf("setting the terminal: %w", err)
	}
	if _, err := t.out.WriteString(enterScreen); err != nil {
		return fmt.Errorf("writing to the terminal: %w", err)
	}
	return nil
}

// leave undoes enter, as far as the terminal is still there. It can be called again.
func (t *terminal) leave() error {
	_, err := t.out.WriteString(leaveScreen)
	if setErr := unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETSF, &t.saved); setErr != nil {
		return fmt.Errorf("setting the terminal back: %w (type: stty sane)", setErr)
	}
	if err != nil {
		return fmt.Errorf("writing to the terminal: %w", err)
	}
	return nil
}

// size is how many columns and lines there are; 80 and 24 where the terminal does not say.
func (t *terminal) size() (columns, lines int) {
	s, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || s.Col == 0 || s.Row == 0 {
		return 80, 24
	}
	return int(s.Col), int(s.Row)
}
