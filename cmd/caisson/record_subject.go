// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/netip"
	"slices"
	"strings"

	"caisson/audit"
	"caisson/policy"
)

// hiddenWord stands in the log for a word, or a part of one, that is not kept. Keep in sync with daemon/resolver/words.go.
const hiddenWord = "…"

// decided are the reasons of verdicts that the policy gave. All others are the kernel's own, whatever the policy says.
var decided = []string{
	"", policy.ReasonNoRule, policy.ReasonNoPolicy,
	"approved", "granted", "denied", "denied-before", "timed-out", "queue-full", "withdrawn", "resolved", "refused", "unattended",
	"cannot-wait", "unknown-name", "no-log",
}

// lineage are the reasons of allowed programs that depend on what started them.
var lineage = []string{"continued", "descendant"}

// Why an event cannot be decided again.
const (
	whyCounted  = "only counted: reads that the baseline allowed"
	whyCut      = "cut short in the log"
	whyNoPlace  = "no location in the log"
	whyProtocol = "no protocol that a policy decides on"
)

// reasonWord is the part of a record's reason that stays the same.
func reasonWord(r *audit.Record) string {
	word, _, _ := strings.Cut(r.Reason, ":")
	return word
}

// recordSubject makes the subject of a decision from its record; else why it cannot be made.
func recordSubject(r *audit.Record) (s policy.Subject, why string) {
	word := reasonWord(r)
	switch {
	case r.Count > 1 || len(r.Counts) > 0:
		return s, whyCounted
	case !slices.Contains(decided, word) && !slices.Contains(lineage, word):
		return s, "the kernel's own decision: " + word
	case len(r.Cut) > 0:
		return s, whyCut
	}
	action, err := policy.ParseAction(r.Action)
	if err != nil {
		return s, "no action of the policy language"
	}
	switch action {
	case policy.Network:
		return networkSubject(r)
	case policy.ShellExec:
		return execSubject(r)
	}
	s, err = policy.PathSubject(action, r.Path)
	if err != nil {
		return s, whyNoPlace
	}
	return s, ""
}

// execSubject knows the words up to the first that is hidden.
func execSubject(r *audit.Record) (policy.Subject, string) {
	if !strings.HasPrefix(r.Path, "/") {
		return policy.Subject{}, whyNoPlace
	}
	words, cut := knownWords(r)
	// The path is where the program lies: it must not be looked up again.
	s, _, err := policy.ArgvSubject(policy.Env{}, append([]string{r.Path}, words...), cut)
	if err != nil {
		return s, whyNoPlace
	}
	return s, ""
}

// knownWords are the words of a recorded command up to the first that the log hides.
func knownWords(r *audit.Record) (words []string, cut bool) {
	for i, w := range r.Argv {
		if strings.Contains(w, hiddenWord) {
			return r.Argv[:i], true
		}
	}
	return r.Argv, len(r.Argv)+1 < r.Argc
}

// networkSubject is an address with its port, or a Unix socket.
func networkSubject(r *audit.Record) (policy.Subject, string) {
	if r.Proto == "unix" {
		s, err := policy.UnixSubject(r.Path)
		if err != nil || r.Path == "" {
			return s, whyNoPlace
		}
		return s, ""
	}
	protocols := map[string]uint8{"tcp": policy.ProtoTCP, "udp": policy.ProtoUDP}
	addr, err := netip.ParseAddr(r.Addr)
	if protocols[r.Proto] == 0 || err != nil {
		return policy.Subject{}, whyProtocol
	}
	return policy.Subject{Action: policy.Network, Proto: protocols[r.Proto], Addr: addr, Port: r.Port}, ""
}
