// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"strconv"
)

// referenceNetwork goes through the network rules for a connection, or for a URL.
func referenceNetwork(rules []Rule, env Env, s *Subject) Verdict {
	if s.Proto != ProtoTCP && s.Proto != ProtoUDP || !s.Addr.IsValid() && s.URL == nil {
		return refuse(ReasonProtocol)
	}
	for i := range rules {
		if rules[i].Action != Network {
			continue
		}
		matches := true
		for _, c := range rules[i].When.Conditions() {
			matches = matches && connectionMatches(c, env, s)
		}
		if matches {
			return Verdict{Effect: rules[i].Effect, Rule: i}
		}
	}
	return refuse(ReasonNoRule)
}

// connectionMatches says whether one condition holds for a connection.
func connectionMatches(c Condition, env Env, s *Subject) bool {
	switch c.Field {
	case "url":
		o, err := parseRuleURL(c.Value)
		if err != nil || s.Proto != ProtoTCP || o.Port != s.Port {
			return false
		}
		return (s.URL == nil || s.URL.Scheme == "" || s.URL.Scheme == o.Scheme) && hostMatches(o.Host, env, s)
	case "host":
		host, err := parseHost(c.Value)
		return err == nil && hostMatches(host, env, s)
	case "address":
		block, err := parsePrefix(c.Value)
		return err == nil && s.Addr.IsValid() && sameBits(block.Addr(), s.Addr, block.Bits())
	case "port":
		return c.Value == strconv.Itoa(int(s.Port))
	}
	return false
}

// hostMatches says whether the connection goes to the host: by name where the subject has one, else by address.
func hostMatches(host string, env Env, s *Subject) bool {
	if s.URL != nil && s.URL.Host == host {
		return true
	}
	if !s.Addr.IsValid() {
		return false
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return sameBits(addr, s.Addr, 128)
	}
	if env.LookupHost == nil {
		return false
	}
	for _, addr := range env.LookupHost(host) {
		if addr.IsValid() && sameBits(addr, s.Addr, 128) {
			return true
		}
	}
	return false
}

// sameBits compares the first n bits of two addresses in their 16-byte form.
func sameBits(a, b netip.Addr, n int) bool {
	x, y := a.As16(), b.As16()
	for i := range n {
		if (x[i/8]^y[i/8])>>(7-i%8)&1 != 0 {
			return false
		}
	}
	return true
}
