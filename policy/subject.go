// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"strings"
)

// IP protocols of network subjects.
const (
	ProtoTCP = 6
	ProtoUDP = 17
)

// absentPrefix starts the one name that stands for a program which is not on secure_path. No file can have a name with a
// slash in it, so in the kernel nothing matches it; in evaluate the rule's and the subject's names still compare equal.
const absentPrefix = "?/"

// abstractPrefix starts the one name of an abstract Unix socket. No file can have a name with a slash in it.
const abstractPrefix = "@/"

// separator is the name between a program's location and its arguments. No file can have it.
const separator = "/"

// Subject is what an agent tries to act on. Only the fields of its action count.
type Subject struct {
	Action Action

	Names         [][]byte // file, program or Unix socket: the names of its location, from the root; or "@/" and an abstract name
	Args          [][]byte // program: argv[1:]
	TruncatedArgs bool     // there are more words than Args holds

	Proto uint8      // network: ProtoTCP, ProtoUDP or ProtoUnix
	Addr  netip.Addr // network, TCP and UDP
	Port  uint16     // network, TCP and UDP

	URL *Origin // network, evaluate only: the URL whose origin is asked for
}

// PathSubject is the subject of reading or writing a file, given by its absolute path, which is cleaned lexically.
func PathSubject(a Action, path string) (Subject, error) {
	if a != FileRead && a != FileWrite {
		return Subject{}, fmt.Errorf("subject: a path belongs to file_read and file_write, not to %s", a)
	}
	names, err := splitPath(path)
	if err != nil {
		return Subject{}, fmt.Errorf("subject: %w", err)
	}
	return Subject{Action: a, Names: byteNames(names)}, nil
}

// CommandSubject is the subject of running a command line, which is split at blanks: it is an error if a shell would make
// something else of it. Word 0 is looked up as a rule's is; resolved is false when it has no slash and was not found.
func CommandSubject(env Env, line string) (s Subject, resolved bool, err error) {
	words, verr := splitWords(line, false)
	if verr != nil {
		return Subject{}, false, fmt.Errorf("command: %w", verr)
	}
	if verr := checkProgram(opEquals, words[0]); verr != nil {
		return Subject{}, false, fmt.Errorf("command: %w", verr)
	}

	s = Subject{Action: ShellExec, Args: byteNames(words[1:])}
	path, resolved := programPath(env, words[0])
	if !resolved {
		s.Names = [][]byte{[]byte(absentPrefix + words[0])}
		return s, false, nil
	}
	names, verr := splitPath(path)
	if verr != nil {
		return Subject{}, false, fmt.Errorf("command: %w", verr)
	}
	s.Names = byteNames(names)
	return s, true, nil
}

// URLSubject is the subject of connecting to a URL over TCP. Only [Evaluate] and [Reference] know what to do with it when
// its host is a name; an address can be run on an image, too.
func URLSubject(raw string) (Subject, error) {
	o, _, err := parseOrigin(raw)
	if err != nil {
		return Subject{}, fmt.Errorf("subject: %w", err)
	}
	s := Subject{Action: Network, Proto: ProtoTCP, Port: o.Port, URL: &o}
	if addr, err := netip.ParseAddr(o.Host); err == nil {
		s.Addr = addr
	}
	return s, nil
}

// programPath is the real path of the program that word 0 of a command names; false when it is not on secure_path.
func programPath(env Env, word string) (string, bool) {
	if env.LookPath != nil {
		if path, ok := env.LookPath(word); ok && strings.HasPrefix(path, "/") {
			return path, true
		}
	}
	return word, strings.HasPrefix(word, "/")
}

// resolved says whether the program of a command subject was found.
func (s *Subject) resolved() bool {
	return len(s.Names) != 1 || !strings.HasPrefix(string(s.Names[0]), absentPrefix)
}

// byteNames turns strings into the bytes that subjects are made of.
func byteNames(names []string) [][]byte {
	out := make([][]byte, len(names))
	for i, name := range names {
		out[i] = []byte(name)
	}
	return out
}
