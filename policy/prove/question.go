// SPDX-License-Identifier: Apache-2.0

package prove

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"caisson/policy"
)

// Question asks whether an action is ever allowed on the subjects of a set. Of Path, Command, Address (or Port alone), URL
// and Host exactly one is given; an action alone asks about all its subjects.
type Question struct {
	Action          policy.Action
	Path            string // glob; with network: of Unix sockets, "@name" for an abstract one
	Command         string // glob
	Address         string // an address or a block
	Port            string // a port or a range; with Address or Host
	URL             string
	Host            string
	NotEvenApproval bool                 // what needs an approval counts as allowed
	States          int                  // bound of the search; 0: [policy.DefaultStates]
	Hosts           *policy.PretendHosts // which names the addresses of the answer are; may be nil
}

// QuestionError says what is wrong with a question.
type QuestionError struct{ err error }

// Error is what is wrong.
func (e *QuestionError) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *QuestionError) Unwrap() error { return e.err }

// set is the subjects of a question.
type set struct {
	kinds  []policy.Kind
	glob   string
	blocks []netip.Prefix
	from   uint16
	to     uint16
	url    *policy.Origin // the only origin
	byName bool           // the blocks are those of a host, by whatever name
}

var pathKinds = map[policy.Action]policy.Kind{
	policy.FileRead: policy.ReadKind, policy.FileWrite: policy.WriteKind, policy.Network: policy.UnixKind, policy.ShellExec: policy.ExecKind,
}

// set reads the question.
func (q *Question) set(env policy.Env) (*set, error) {
	if err := q.fits(); err != nil {
		return nil, err
	}
	s := &set{kinds: []policy.Kind{pathKinds[q.Action]}, glob: q.Path + q.Command}
	if s.glob == "" && q.Action != policy.Network {
		s.glob = "/**"
		if q.Action == policy.ShellExec {
			s.glob = "/** **"
		}
	}
	if s.glob != "" {
		_, err := s.within(s.kinds[0], env)
		return s, err
	}

	s.kinds = []policy.Kind{policy.TCPKind, policy.UDPKind}
	var err error
	switch {
	case q.Address != "":
		var block netip.Prefix
		block, err = policy.ParseBlock(q.Address)
		s.blocks = []netip.Prefix{block}
	case q.URL != "":
		var u policy.Subject
		if u, err = policy.URLSubject(q.URL); err == nil {
			s.kinds, s.from, s.to = s.kinds[:1], u.Port, u.Port
			s.url, err = u.URL, s.host(u.URL.Host, env)
		}
	case q.Host != "":
		err = s.host(strings.ToLower(strings.TrimSuffix(q.Host, ".")), env)
	}
	if err == nil && q.Port != "" {
		err = s.ports(q.Port)
	}
	if s.blocks == nil && s.to == 0 {
		s.kinds = append(s.kinds, policy.UnixKind)
	}
	return s, err
}

// fits says whether what is given belongs together.
func (q *Question) fits() error {
	given := 0
	for _, v := range []struct {
		value, name string
		actions     []policy.Action
	}{
		{q.Path, "a path", []policy.Action{policy.FileRead, policy.FileWrite, policy.Network}},
		{q.Command, "a command", []policy.Action{policy.ShellExec}},
		{q.Address, "an address", []policy.Action{policy.Network}},
		{q.URL, "a URL", []policy.Action{policy.Network}},
		{q.Host, "a host", []policy.Action{policy.Network}},
	} {
		if v.value == "" {
			continue
		}
		if given++; given > 1 {
			return fmt.Errorf("give one set of subjects, not two")
		}
		fits := false
		for _, a := range v.actions {
			fits = fits || a == q.Action
		}
		if !fits {
			return fmt.Errorf("%s is no subject of %s", v.name, q.Action)
		}
	}
	if q.Port != "" && (q.Action != policy.Network || q.Path != "" || q.URL != "") {
		return fmt.Errorf("a port belongs to network, with an address or a host")
	}
	return nil
}

// host makes the set one host's addresses.
func (s *set) host(host string, env policy.Env) error {
	if host == "" || strings.ContainsAny(host, "/*? ") {
		return fmt.Errorf("%q is not a host", host)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		s.blocks = []netip.Prefix{wide(addr)}
		return nil
	}
	s.byName = true
	for _, addr := range env.LookupHost(host) {
		s.blocks = append(s.blocks, wide(addr))
	}
	return nil
}

// wide is one address as a block of the 16-byte form.
func wide(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom16(addr.As16()), 128) }

// ports reads a port or a range.
func (s *set) ports(text string) error {
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	from, err := strconv.ParseUint(low, 10, 16)
	to, errTo := strconv.ParseUint(high, 10, 16)
	if err != nil || errTo != nil || from == 0 || from > to {
		return fmt.Errorf("%q is not a port or a range of ports (write 443, or 1024-65535)", text)
	}
	s.from, s.to = uint16(from), uint16(to)
	return nil
}

// within is the set as a restriction of a walk.
func (s *set) within(k policy.Kind, env policy.Env) (*policy.Within, error) {
	w := &policy.Within{Blocks: s.blocks, From: s.from, To: s.to}
	glob := s.glob
	if glob == "" && k == policy.UnixKind {
		return nil, nil // every socket
	}
	if glob == "" {
		return w, nil
	}
	g, err := policy.NewGlob(k, env, glob)
	w.Glob = g
	return w, err
}

// addresses are some inside the set, one for each part of it that the image tells apart.
func (s *set) addresses(a *policy.Automaton) []netip.Addr {
	var blocks []netip.Prefix
	for _, k := range []policy.Kind{policy.TCPKind, policy.UDPKind} {
		blocks = append(blocks, a.Prefixes(a.Start(k))...)
	}
	var out []netip.Addr
	for _, addr := range policy.Cells(append(blocks, s.blocks...)) {
		inside := len(s.blocks) == 0
		for _, b := range s.blocks {
			inside = inside || b.Contains(addr)
		}
		if inside {
			out = append(out, addr)
		}
	}
	return out
}
