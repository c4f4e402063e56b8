// SPDX-License-Identifier: Apache-2.0

package lint

// Severity is how much a finding matters.
type Severity uint8

// The severities.
const (
	Note    Severity = iota // true of this host now, or of this version; nothing need be done
	Warning                 // the policy probably does not say what is meant
)

// String is the severity as a word.
func (s Severity) String() string { return [...]string{"note", "warning"}[s] }

// MarshalText writes the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Code is a kind of finding. Codes are never used for something else.
type Code struct {
	ID       string
	Name     string
	Severity Severity
	Short    string // for a list of codes
	Meaning  string // for a finding
	Remedy   string
}

// The codes by what they are about.
var (
	covered     = Code{"L01", "covered", Warning, "earlier rules decide everything that the rule matches", "the rule never decides: earlier rules decide everything that it matches", "remove it, or move it before them"}
	unmatchable = Code{"L02", "unmatchable", Warning, "the rule matches nothing that there can be", "the rule matches nothing that there can be", "its conditions exclude each other, or name a place that no file system has"}
	hidden      = Code{"L03", "hidden", Warning, "a pattern that is left to user space comes first everywhere", "the kernel never decides by the rule: a pattern that is left to user space comes first everywhere", "move it before that rule, or write that rule without the pattern"}
	broad       = Code{"L04", "broad", Warning, "an ALLOW covers everything", "an ALLOW covers everything", "name what the agent needs"}
	launcher    = Code{"L05", "launcher", Warning, "a program that starts others, without descendants", "a program that starts others is allowed without descendants", "allow what it starts by rules of its own, or add descendants: allow"}
	ownFiles    = Code{"L06", "own-files", Warning, "an ALLOW covers caisson's own files", "an ALLOW covers caisson's own files", "exclude them: the hard floor refuses them whatever the policy says"}
	writeExec   = Code{"L07", "write-exec", Warning, "the agent may run what it may write", "the agent may run what it may write", "keep what it writes apart from what it runs"}
	deferred    = Code{"L08", "deferred", Warning, "the kernel cannot match the pattern", "the kernel cannot match the rule's pattern: each call that it may match stops its process until user space has decided", "write it with equals, starts_with, or one star in a name"}
	expired     = Code{"L09", "expired", Warning, "the rule has expired", "the rule has expired and does nothing", "remove it, or give it another date"}
	unchecked   = Code{"L10", "unchecked", Warning, "the policy is too large for L01 to L03", "the policy is too large for the exact checks L01 to L03", "split the policy"}
	absent      = Code{"L20", "absent", Note, "the rule names what is not on this host", "the rule names what does not exist on this host", "nothing need be done if it will exist where the policy is used"}
	hostPattern = Code{"L22", "host-pattern", Note, "the rule depends on host names by a pattern", "the rule depends on a host's name by a pattern: a connection has an address and no name, so what it may match is denied", "name the hosts with equals"}
)

// Codes are all of them, sorted.
var Codes = []Code{covered, unmatchable, hidden, broad, launcher, ownFiles, writeExec, deferred, expired, unchecked, absent, hostPattern}
