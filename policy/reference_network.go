// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// referenceNetwork goes through the network rules for a connection over TCP or UDP, or for a URL. A rule that cannot be
// decided without knowing a name answers DEFER.
func referenceNetwork(rules []Rule, env Env, s *Subject, nameless bool) Verdict {
	if s.Proto != ProtoTCP && s.Proto != ProtoUDP || !s.Addr.IsValid() && s.URL == nil {
		return refuse(ReasonProtocol)
	}
	for i := range rules {
		r := &rules[i]
		if r.Action != Network {
			continue
		}
		c := connectionSpec{env: env, subject: s, allows: r.Effect == Allow, nameless: nameless}
		switch must, could := c.holds(r.When, false); {
		case must:
			return Verdict{Effect: r.Effect, Rule: i}
		case could:
			return Verdict{Effect: Defer, Rule: i}
		}
	}
	return refuse(ReasonNoRule)
}

// connectionSpec is what one rule is asked about.
type connectionSpec struct {
	env      Env
	subject  *Subject
	allows   bool
	nameless bool // no pattern can be compared with the subject's name
}

// holds says whether an expression holds whatever the answers to open questions are, and whether it holds for some.
func (c connectionSpec) holds(e *Expr, negated bool) (must, could bool) {
	if e == nil {
		return true, true
	}
	switch e.Kind {
	case Test:
		return c.test(e.Test, negated)
	case Not:
		must, could = c.holds(e.Sub[0], !negated)
		return !could, !must
	}
	must, could = e.Kind == All, e.Kind == All
	for _, sub := range e.Sub {
		m, p := c.holds(sub, negated)
		if e.Kind == All {
			must, could = must && m, could && p
		} else {
			must, could = must || m, could || p
		}
	}
	return must, could
}

// test says the same of one condition, which stands below an odd number of `not` when negated.
func (c connectionSpec) test(t Condition, negated bool) (must, could bool) {
	s := c.subject
	exactly := func(b bool) (bool, bool) { return b, b }
	switch {
	case t.Field == "protocol":
		return exactly(t.Value == map[uint8]string{ProtoTCP: "tcp", ProtoUDP: "udp"}[s.Proto])
	case t.Field == "port":
		return exactly(portMatches(t.Value, s.Port))
	case t.Field == "address":
		block, err := parsePrefix(t.Value)
		if !s.Addr.IsValid() {
			// Where a name leads is not known here: no rule allows it for lying outside of a block.
			return exactly(negated && c.allows)
		}
		return exactly(err == nil && sameBits(block.Addr(), s.Addr, block.Bits()))
	case t.Field == "url":
		return c.url(t, negated)
	case t.Field == "host":
		return c.host(t, negated)
	}
	return false, false // a path: only Unix sockets have one
}

// url compares the origin. Its scheme is known only of a subject that is a URL.
func (c connectionSpec) url(t Condition, negated bool) (must, could bool) {
	s := c.subject
	if s.Proto != ProtoTCP {
		return false, false
	}
	if t.Op != "equals" && t.Op != "starts_with" {
		if !c.named() || c.nameless || s.URL.Scheme == "" {
			return false, true
		}
		holds := textMatches(t, s.URL.String())
		if t.Op == "glob" {
			holds = originMatches(t.Value, s.URL)
		}
		return holds, holds
	}
	o, err := parseRuleURL(t.Value)
	if err != nil || o.Port != s.Port || s.URL != nil && s.URL.Scheme != "" && s.URL.Scheme != o.Scheme {
		return false, false
	}
	return c.hostIs(o.Host, negated)
}

// host compares the name, if there is one.
func (c connectionSpec) host(t Condition, negated bool) (must, could bool) {
	if t.Op == "equals" {
		host, err := parseHost(t.Value)
		if err != nil {
			return false, false
		}
		return c.hostIs(host, negated)
	}
	if !c.named() || c.nameless {
		return false, true
	}
	name, holds := c.subject.URL.Host, false
	switch t.Op {
	case "starts_with":
		holds = strings.HasPrefix(name+".", strings.TrimSuffix(t.Value, ".")+".")
	case "ends_with":
		holds = strings.HasSuffix("."+name, "."+strings.TrimPrefix(t.Value, ".")) && t.Value != "."+name
	case "contains":
		holds = strings.Contains(name, t.Value)
	case "glob":
		holds = labelsMatch(strings.Split(t.Value, "."), strings.Split(name, "."))
	default:
		holds = textMatches(t, name)
	}
	return holds, holds
}

// named says whether the subject has a name to compare, and not only an address.
func (c connectionSpec) named() bool { return c.subject.URL != nil && !c.subject.Addr.IsValid() }

// hostIs says whether the connection goes to the host: by name where the subject has one, else by address. When no address
// of the host is known, a rule that allows is as if it were not there, and any other may hold.
func (c connectionSpec) hostIs(host string, negated bool) (must, could bool) {
	if c.subject.URL != nil && c.subject.URL.Host == host {
		return true, true
	}
	if c.named() {
		return false, false
	}
	known := c.addresses(host)
	for _, addr := range known {
		if sameBits(addr, c.subject.Addr, 128) {
			return true, true
		}
	}
	switch {
	case len(known) > 0:
		return false, false
	case c.allows:
		return negated, negated
	}
	return false, true
}

// addresses are those of a host now.
func (c connectionSpec) addresses(host string) []netip.Addr {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}
	}
	var known []netip.Addr
	if c.env.LookupHost != nil {
		for _, addr := range c.env.LookupHost(host) {
			if addr.IsValid() {
				known = append(known, addr)
			}
		}
	}
	return known
}

// portMatches compares a port with a port or a range.
func portMatches(value string, port uint16) bool {
	first, last, isRange := strings.Cut(value, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	return err == nil && err2 == nil && from <= int(port) && int(port) <= to
}

// textMatches compares a whole text.
func textMatches(t Condition, text string) bool {
	switch t.Op {
	case "ends_with":
		return strings.HasSuffix(text, t.Value)
	case "contains":
		return strings.Contains(text, t.Value)
	case "regex":
		re, err := regexp.Compile(`\A(?:` + t.Value + `)\z`)
		return err == nil && re.MatchString(text)
	}
	return false
}

// originMatches matches a glob of origins part by part; without a port it means the scheme's own.
func originMatches(glob string, o *Origin) bool {
	scheme, rest, ok := strings.Cut(glob, "://")
	host, port, hasPort := strings.Cut(rest, ":")
	if !ok || !globMatch(scheme, o.Scheme) || !labelsMatch(strings.Split(host, "."), strings.Split(o.Host, ".")) {
		return false
	}
	if !hasPort {
		return defaultPorts[o.Scheme] == o.Port
	}
	return globMatch(port, strconv.Itoa(int(o.Port)))
}

// labelsMatch matches the labels of a host name against those of a glob: "**" is any number of them.
func labelsMatch(glob, labels []string) bool {
	if len(glob) == 0 {
		return len(labels) == 0
	}
	if glob[0] == "**" {
		return labelsMatch(glob[1:], labels) || len(labels) > 0 && labelsMatch(glob, labels[1:])
	}
	return len(labels) > 0 && globMatch(glob[0], labels[0]) && labelsMatch(glob[1:], labels[1:])
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
