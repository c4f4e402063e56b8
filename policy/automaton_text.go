// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"strconv"
	"strings"
)

// plainBytes need no quotes in a word of a command line.
const plainBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=@%+,-"

// SubjectText is a subject as one would write it: a path, a command line with the words that need it in quotes, the name of
// a socket, or protocol, address and port. A host stands for an address that [PretendHosts] gave it; hosts may be nil.
func SubjectText(s Subject, hosts *PretendHosts) string {
	if s.Action == Network && s.Proto != ProtoUnix {
		return connectionText(s, hosts)
	}
	var names []string
	for _, n := range s.Names {
		names = append(names, string(n))
	}
	path := "/" + strings.Join(names, "/")
	if len(names) == 1 && strings.HasPrefix(names[0], abstractPrefix) {
		path = "@" + names[0][len(abstractPrefix):]
	}
	if s.Action != ShellExec {
		return path
	}

	if len(names) == 1 && strings.HasPrefix(names[0], absentPrefix) {
		path = names[0][len(absentPrefix):]
	}
	words := []string{quoteWord(path)}
	for _, arg := range s.Args {
		words = append(words, quoteWord(string(arg)))
	}
	return strings.Join(words, " ")
}

// quoteWord is a word of a command line as a shell reads it.
func quoteWord(word string) string {
	if word != "" && strings.Trim(word, plainBytes) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func connectionText(s Subject, hosts *PretendHosts) string {
	proto := map[uint8]string{ProtoTCP: "tcp", ProtoUDP: "udp"}[s.Proto]
	port := strconv.Itoa(int(s.Port))
	switch host := hosts.Name(s.Addr); {
	case s.URL != nil:
		return s.URL.String()
	case host != "":
		return proto + " " + host + ":" + port
	default:
		return proto + " " + netip.AddrPortFrom(s.Addr.Unmap(), s.Port).String()
	}
}

// PretendHosts stands in for DNS where a policy is compiled only to be looked at: a rule must not seem dead because nobody
// asked for the address of its host, nor must two hosts be taken for one. Every name gets an IPv4 and an IPv6 address of
// its own, from blocks that no host has: 240.0.0.0/4 (RFC 1112) and 2001:db8::/32 (RFC 3849).
type PretendHosts struct{ names []string }

// Lookup returns the addresses of a host.
func (p *PretendHosts) Lookup(host string) []netip.Addr {
	i := 0
	for i < len(p.names) && p.names[i] != host {
		i++
	}
	if i == len(p.names) {
		p.names = append(p.names, host)
	}
	n := i + 1
	return []netip.Addr{
		netip.AddrFrom4([4]byte{240, byte(n >> 16), byte(n >> 8), byte(n)}),
		netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}),
	}
}

// Name is the host that an address was given to; "" when there is none.
func (p *PretendHosts) Name(addr netip.Addr) string {
	if p == nil {
		return ""
	}
	for i, host := range p.names {
		for _, a := range p.Lookup(host) {
			if a == addr.Unmap() {
				return p.names[i]
			}
		}
	}
	return ""
}
