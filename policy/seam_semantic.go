// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// ProtoUnix is the protocol of Unix sockets.
const ProtoUnix = 253

// abstractPrefix starts the one name that stands for an abstract socket.
const abstractPrefix = "@/"

// now is the instant for which rules that come and go are looked at.
func (e Env) now() time.Time { return time.Now() }

// Deferred says, by the index of a rule, why the image somewhere answers DEFER for it.
func (m *Image) Deferred() map[int]string {
	out := map[int]string{}
	a := NewAutomaton(m.Runner)
	for n := 1; n <= a.Count(); n++ {
		if v := a.At(uint32(n)); v.Effect == Defer {
			out[v.Rule] = "a pattern that only user space can match"
		}
	}
	return out
}

// UnixSubject is the subject of connecting to a Unix socket.
func UnixSubject(name string) (Subject, error) {
	names, err := splitPath(name)
	if err != nil {
		return Subject{}, err
	}
	return Subject{Action: Network, Proto: ProtoUnix, Names: byteNames(names)}, nil
}
