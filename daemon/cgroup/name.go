// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
)

// SliceName is the slice above all agents.
const SliceName = "caisson.slice"

const (
	slicePrefix, sliceSuffix = "caisson-", ".slice"
	scopePrefix, scopeSuffix = "run-", ".scope"
)

// runBytes is how much chance goes into a run's id. 8 bytes give 13 digits of base32, of which 12 (60 bits) are kept.
const (
	runBytes  = 8
	runDigits = 12
)

// AgentSlice returns the name of an agent's slice.
func AgentSlice(agent string) string { return slicePrefix + Escape(agent) + sliceSuffix }

// AgentOf is the inverse of [AgentSlice]; false: the name is not that of an agent's slice.
func AgentOf(slice string) (string, bool) {
	inner, ok := strings.CutPrefix(slice, slicePrefix)
	if !ok {
		return "", false
	}
	inner, ok = strings.CutSuffix(inner, sliceSuffix)
	if !ok || inner == "" {
		return "", false
	}

	agent, ok := unescape(inner)
	return agent, ok && Escape(agent) == inner
}

// Escape escapes a string for use inside a unit name, as systemd-escape(1) does: everything but letters, digits, ":",
// "_" and "." becomes \xNN, and so does a dot at the start; "/" becomes "-". A "-" must be escaped, because in the name of
// a slice it means one level down.
func Escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '/':
			b.WriteByte('-')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ':', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case s[i] != '\\':
			b.WriteByte(s[i])
		default:
			var c byte
			if n, err := fmt.Sscanf(s[i:], `\x%02x`, &c); n != 1 || err != nil || len(s) < i+4 {
				return "", false
			}
			b.WriteByte(c)
			i += 3
		}
	}
	return b.String(), true
}

// newRun returns a fresh id: 12 lower-case base32 digits, 60 bits of chance.
func newRun() string {
	var b [runBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program rather than return an error
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:runDigits]
}

// runOf takes the id from the name of a scope; false: the scope is not one of ours.
func runOf(scope string) (string, bool) {
	id, ok := strings.CutPrefix(scope, scopePrefix)
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(id, scopeSuffix)
	return id, ok && len(id) == runDigits
}
