// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"strings"
)

// AddressSubject is the subject of connecting to an address and port, written as 192.0.2.1:443 or [2001:db8::1]:443.
func AddressSubject(address, protocol string) (Subject, error) {
	s := Subject{Action: Network}
	switch protocol {
	case "tcp", "":
		s.Proto = ProtoTCP
	case "udp":
		s.Proto = ProtoUDP
	default:
		return Subject{}, fmt.Errorf("subject: unknown protocol %q (use tcp or udp)", protocol)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Addr().Zone() != "" || at.Port() == 0 {
		return Subject{}, fmt.Errorf("subject: %q is no address with a port (write 192.0.2.1:443 or [2001:db8::1]:443)", address)
	}
	s.Addr, s.Port = at.Addr(), at.Port()
	return s, nil
}

// ConnectSubject is the subject of connecting to what is written as a URL, or as HOST:PORT for TCP, or with udp:// before it.
// A host name has no address here: it is decided by its name, as a URL is, and every scheme is meant.
func ConnectSubject(target string) (Subject, error) {
	scheme, rest, written := strings.Cut(target, "://")
	if !written {
		scheme, rest = "tcp", target
	}
	if scheme != "tcp" && scheme != "udp" {
		return URLSubject(target)
	}
	if s, err := AddressSubject(rest, scheme); err == nil {
		return s, nil
	}

	i := strings.LastIndexByte(rest, ':')
	if i < 0 {
		return Subject{}, fmt.Errorf("subject: %q has no port (write HOST:PORT or a URL)", target)
	}
	host, verr := parseHost(rest[:i])
	if verr != nil {
		return Subject{}, fmt.Errorf("subject: %w", verr)
	}
	port, verr := parsePort(rest[i+1:])
	if verr != nil {
		return Subject{}, fmt.Errorf("subject: %w", verr)
	}
	s := Subject{Action: Network, Proto: ProtoTCP, Port: port, URL: &Origin{Host: host, Port: port}}
	if scheme == "udp" {
		s.Proto = ProtoUDP
	}
	return s, nil
}
