// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// approvalFields are the keys of a rule that only one with REQUIRE_APPROVAL can have, and how each is read.
var approvalFields = []struct {
	name string
	read func(*parser, *yaml.Node, *Approval)
}{
	{"message", (*parser).message},
	{"timeout", (*parser).timeout},
	{"approvers", (*parser).approvers},
	{"quorum", (*parser).quorum},
}

// approval reads what a rule says about its answer.
func (p *parser) approval(f map[string]*yaml.Node, e Effect, decided bool) (a Approval) {
	for _, field := range approvalFields {
		v := f[field.name]
		if v == nil {
			continue
		}
		field.read(p, v, &a)
		if decided && e != RequireApproval {
			p.fail(position(v), "remove it", "%s belongs to rules with effect REQUIRE_APPROVAL", field.name)
		}
	}
	return a
}

func (p *parser) message(n *yaml.Node, a *Approval) {
	a.Message = p.text(n, "message")
	if len(a.Message) > maxMessage || strings.ContainsFunc(a.Message, control) {
		p.fail(position(n), fmt.Sprintf("use at most %d bytes of printable text in one line", maxMessage), "the message is too long, or not text")
	}
}

func (p *parser) timeout(n *yaml.Node, a *Approval) {
	s := p.text(n, "timeout")
	if s == "" {
		return
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < minTimeout || d > maxTimeout {
		p.fail(position(n), "write 1s to 24h, as 90s or 10m", "%q is no time to wait", s)
		return
	}
	a.Timeout = d
}

// groupName is what useradd takes for a group (shadow's lib/chkname.c).
var groupName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

func (p *parser) approvers(n *yaml.Node, a *Approval) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fail(position(n), "write a list, as [wheel, oncall]", "approvers must be a list of groups, not %s", kindName(n))
		return
	}
	if len(n.Content) > maxApprovers {
		p.fail(position(n.Content[maxApprovers]), "", "a rule has at most %d approvers", maxApprovers)
		return
	}
	for _, item := range n.Content {
		name := p.text(item, "group")
		switch {
		case name == "":
		case !groupName.MatchString(name):
			p.fail(position(item), "use the name of a group of the host, as in /etc/group", "%.40q is no group", name)
		case slices.Contains(a.Approvers, name):
			p.fail(position(item), "remove one of them", "%s stands twice in approvers", name)
		default:
			a.Approvers = append(a.Approvers, name)
		}
	}
}

func (p *parser) quorum(n *yaml.Node, a *Approval) {
	q, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || q < 1 || q > maxQuorum {
		p.fail(position(n), fmt.Sprintf("write a number from 1 to %d", maxQuorum), "quorum must be how many users must approve")
		return
	}
	a.Quorum = q
}
