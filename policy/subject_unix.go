// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
)

// ProtoUnix is the protocol of Unix sockets, a number which no socket has: it is reserved for experiments (RFC 3692).
const ProtoUnix = 253

// UnixSubject is the subject of talking to a Unix socket: the absolute path that it is bound to, which is cleaned
// lexically, or "@" and an abstract name.
func UnixSubject(name string) (Subject, error) {
	if abstract, ok := strings.CutPrefix(name, "@"); ok {
		return Subject{Action: Network, Proto: ProtoUnix, Names: byteNames([]string{abstractPrefix + abstract})}, nil
	}
	names, err := splitPath(name)
	if err != nil {
		return Subject{}, fmt.Errorf("subject: %w", err)
	}
	return Subject{Action: Network, Proto: ProtoUnix, Names: byteNames(names)}, nil
}
