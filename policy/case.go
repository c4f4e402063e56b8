// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"time"
)

// CaseKind is what the subject of a case is.
type CaseKind uint8

// The kinds of case, by the key of the language that has the subject.
const (
	CaseRead    CaseKind = iota // a path
	CaseWrite                   // a path
	CaseExec                    // a string of shell, or a program and its words
	CaseConnect                 // a URL, HOST:PORT, or udp://HOST:PORT
	CaseSocket                  // a path, or @NAME
)

var caseKindNames = [...]string{CaseRead: "read", CaseWrite: "write", CaseExec: "exec", CaseConnect: "connect", CaseSocket: "socket"}

// String is the kind as the language writes it.
func (k CaseKind) String() string {
	if int(k) < len(caseKindNames) {
		return caseKindNames[k]
	}
	return fmt.Sprintf("case(%d)", uint8(k))
}

// Case is one line of a policy's tests: what the policy must say about one subject.
type Case struct {
	Name string
	Kind CaseKind
	Text string   // the subject; of CaseExec: a string of shell, "" when it is Argv
	Argv []string // CaseExec: a program and its words

	Expect Effect
	Rule   string            // the rule that must decide; "": any, "no-rule": none
	At     time.Time         // when it is asked; zero: now
	Vars   map[string]string // values of variables for this case

	File string
	Pos  Pos
}

// Subject is the case's subject, for people.
func (c *Case) Subject() string {
	if c.Argv != nil {
		return fmt.Sprintf("%s %q", c.Kind, c.Argv)
	}
	return c.Kind.String() + " " + c.Text
}

// Cases are the tests of one file beside a policy.
type Cases struct {
	File   string
	Policy string // the policy file, relative to this one's directory; "" when Agent is given
	Agent  string // the agent whose policy, in the same directory, is tested
	List   []Case
}

// IsCases says whether a file of this name holds cases and no policy.
func IsCases(name string) bool {
	return strings.HasSuffix(name, "_test.yaml") || strings.HasSuffix(name, "_test.yml")
}
