// SPDX-License-Identifier: Apache-2.0

package shell

import "fmt"

// Kind is what a part of a string is about.
type Kind uint8

// The kinds of part.
const (
	Command  Kind = iota // a program is started
	Builtin              // the shell does it itself: no program is started
	Function             // a function that the string declares is called; its body stands among the parts
	Read                 // a redirection opens a file for reading
	Write                // a redirection opens a file for writing
	Connect              // a redirection connects to a host (/dev/tcp, /dev/udp)
	Unknown              // what happens is only known when it runs
)

var kindNames = [...]string{
	Command: "command", Builtin: "builtin", Function: "function", Read: "read", Write: "write", Connect: "connect",
	Unknown: "unknown",
}

// String is the kind in one word.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText writes the kind's word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Part is one thing that happens when a string runs, or may happen: what stands in a branch counts as well.
type Part struct {
	Kind Kind
	Text string // the words, for people
	Line int    // in the string that holds it, from 1
	Col  int
	Via  string // the wrappers and shells that lead to it, outermost first; "" for the string itself

	Argv []string // Command: the program and the words that are known
	Cut  bool     // Command: more words follow that are only known when it runs
	Read string   // Command: a shell that reads its commands from elsewhere, in words; only a rule of its own can allow that

	Path string // Read and Write
	Host string // Connect
	Port string // Connect
	UDP  bool   // Connect

	Why string // Unknown: why; Builtin: what should be said about it
}
