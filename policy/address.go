// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"strings"
)

// parsePrefix reads an IP address or a CIDR block as a prefix of the 16-byte address space, in which IPv4 lies at
// ::ffff:0:0/96. So "10.0.0.0/8" and "::ffff:10.0.0.0/104" are the same block, and "::/0" covers IPv4, too.
func parsePrefix(text string) (netip.Prefix, *valueError) {
	const hint = "write an address, as 10.1.2.3, or a block, as 10.1.0.0/16"
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, badValue(hint, "%q is not an IP address", text)
		}
		if addr.Zone() != "" {
			return netip.Prefix{}, badValue("leave out the zone", "address %q has a zone", text)
		}
		return netip.PrefixFrom(wide(addr), 128), nil
	}

	// netip refuses IPv4-mapped blocks, whose meaning is unambiguous here.
	head, bits, _ := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(head)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, badValue(hint, "%q is not a block of IP addresses", text)
	}
	n, ok := parseBits(bits, addr.BitLen())
	if !ok {
		return netip.Prefix{}, badValue(hint, "%q has no prefix length from 0 to %d", text, addr.BitLen())
	}
	if addr.Is4() {
		n += 96
	}
	p := netip.PrefixFrom(wide(addr), n)
	if masked := maskWide(p.Addr(), n); masked != p.Addr() {
		shown := masked
		if addr.Is4() {
			shown = masked.Unmap()
		}
		return netip.Prefix{}, badValue("write "+shown.String()+"/"+bits, "%q has bits set behind its prefix length", text)
	}
	return p, nil
}

// parseBits reads a prefix length in plain decimal.
func parseBits(text string, most int) (int, bool) {
	if text == "" || len(text) > 3 || (len(text) > 1 && text[0] == '0') {
		return 0, false
	}
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int(text[i]-'0')
	}
	return n, n <= most
}

// wide is the address in its 16-byte form, without a zone.
func wide(addr netip.Addr) netip.Addr { return netip.AddrFrom16(addr.As16()) }

// maskWide clears all but the first n bits of a 16-byte address.
func maskWide(addr netip.Addr, n int) netip.Addr {
	b := addr.As16()
	for i := range b {
		switch left := n - i*8; {
		case left <= 0:
			b[i] = 0
		case left < 8:
			b[i] &= 0xff << (8 - left)
		}
	}
	return netip.AddrFrom16(b)
}
