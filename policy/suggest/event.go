// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"net/netip"

	"caisson/policy"
)

// Event is something that was denied.
type Event struct {
	ID      uint64 // of its record
	Text    string // for people
	Subject policy.Subject

	Path  string   // file, program or Unix socket
	Words []string // program: the words that are known
	Cut   bool     // program: there are more
	Proto string   // network: tcp, udp or unix
	Addr  netip.Addr
	Port  uint16
	Host  string // the name that the address was looked up from, if that is known
}

// Options say how far a suggestion may go.
type Options struct {
	Siblings int  // how many different things in a directory make a rule about the directory; 0: three
	Secrets  bool // suggest what looks like a secret, too, by its exact path
}

const defaultSiblings = 3

// Left is an event that nothing is suggested for, and why.
type Left struct {
	Event Event
	Why   string
}

// Suggestion is rules for review.
type Suggestion struct {
	Rules   []Rule
	Secrets []Event // what looks like a secret, and is not suggested
	Left    []Left
	Covered int // events that the rules allow
}

// Rule is one rule of a suggestion.
type Rule struct {
	Name   string
	Why    string // for people, as its description
	Action policy.Action
	Effect policy.Effect
	Tests  []Test   // all must hold
	From   []uint64 // the IDs of the events that it comes from; none: it guards other rules
}

// Test is one field of a rule.
type Test struct {
	Field  string
	Op     string
	Values []string // any of which holds
}
