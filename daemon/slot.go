// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/writers"
	"caisson/policy"
)

// slot is where an image is in force: an agent's own, which has the agent's number, or one for those runs of an agent that
// have bound its policy's variables to the same values. Who is in a slot without an image is denied everything.
type slot struct {
	number  uint32
	agent   *agent
	binding *binding // nil: the agent's own

	policy     *policy.Policy // the last that was in force here, without variables; nil: none
	image      *policy.Image  // in force; nil: none
	generation uint32         // of the image in force
	compiled   time.Time      // the wall clock for which it was compiled
	until      time.Time      // the instant at which a rule begins or ends; zero: none will
	surveyed   string         // fingerprint of the survey under which it was compiled; guarded by change
	refused    writers.Notes  // what was refused when it was compiled
}

// draft is an image that could be put in force in a slot.
type draft struct {
	slot    *slot
	policy  *policy.Policy
	image   *policy.Image
	env     policy.Env
	refused *writers.Notes
}

// draft compiles a policy, whose variables get the slot's values. The caller holds change and has surveyed.
func (d *Daemon) draft(s *slot, p *policy.Policy) (draft, error) {
	p, err := s.binding.bind(p)
	if err != nil {
		return draft{}, err
	}
	env, refused := d.env()
	env = env.Memo()
	image, err := policy.Compile(p, env)
	if err != nil {
		return draft{}, err
	}
	return draft{s, p, image, env, refused}, nil
}

// install puts a draft in force, unless exactly that is in force already: then only the places of superblocks are brought
// up to date. If it fails, what was in force stays in force. The caller holds change.
func (d *Daemon) install(n draft, why string) (changed bool, err error) {
	s := n.slot
	nodes := d.table.Load().Nodes(n.image)
	d.refuse(s, n.refused)
	if s.image == nil {
		if generation, ok := d.inherited(n); ok {
			return false, d.adopt(n, generation, nodes)
		}
	} else if s.policy.Digest == n.policy.Digest && bytes.Equal(s.image.Bytes(0), n.image.Bytes(0)) {
		return false, d.keep(n, s.generation, nodes)
	}

	old, generation := s.generation, d.nextGeneration()
	d.resolver.Learn(s.agent.id, generation, n.policy, n.env, n.image)
	if err := d.kernel.SetImage(s.number, n.image.Bytes(generation), nodes); err != nil {
		d.resolver.Retire(s.agent.id, generation)
		return false, fmt.Errorf("putting the image in force: %w", err)
	}
	d.set(n, generation)
	d.retire(s.agent, old)
	return true, d.ledger.Append(loaded(s, why))
}

// keep brings the places of superblocks up to date for an image that is in force as it is.
func (d *Daemon) keep(n draft, generation uint32, nodes map[uint32]layout.MountNodes) error {
	if err := d.kernel.SetMounts(generation, nodes); err != nil {
		return fmt.Errorf("places of file systems: %w", err)
	}
	d.set(n, generation)
	return nil
}

// set stores what is in force where others can read it.
func (d *Daemon) set(n draft, generation uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := n.slot
	s.policy, s.image, s.generation, s.compiled = n.policy, n.image, generation, n.env.Now
	s.until = n.policy.NextChange(n.env.Now)
	s.surveyed = d.ground.Fingerprint()
}

// clear leaves a slot without an image. Its policy is still known. The caller holds change.
func (d *Daemon) clear(s *slot) error {
	if err := d.kernel.RemoveImage(s.number); err != nil {
		return fmt.Errorf("withdrawing an image of %s: %w", s.agent.name, err)
	}
	d.retire(s.agent, s.generation)

	d.mu.Lock()
	defer d.mu.Unlock()
	s.image, s.generation = nil, 0
	return nil
}

// retire is told that a generation of an agent's policy is not in force any more: what it asked is asked again by the one
// that is.
func (d *Daemon) retire(a *agent, generation uint32) {
	d.resolver.Retire(a.id, generation)
	d.holds.Replaced(a.name, generation)
}

// silence withdraws the image of one slot, because it must not stay in force and there is no other. The caller holds
// change.
func (d *Daemon) silence(s *slot, why string) error {
	rec := removed(s.agent, s.generation, why+s.binding.String())
	if err := d.clear(s); err != nil {
		return err
	}
	if err := d.ledger.Append(rec); err != nil && !errors.Is(err, d.ledger.Err()) {
		return err
	}
	return nil
}

// loaded is the record of an image that is in force now.
func loaded(s *slot, why string) audit.Record {
	text := fmt.Sprintf("%s, %d rules%s", s.policy.File, len(s.policy.Rules), s.binding)
	if s.policy.Mode == policy.Observe {
		text += "; observed: nothing is refused"
	}
	return audit.Record{
		Kind: audit.KindPolicyLoad, Agent: s.agent.name, Where: "daemon", Gen: uint64(s.generation), Pol: digest(s.policy)[:8],
		Text: text + "; " + why,
	}
}

// removed is the record of an agent, or some of its runs, that are denied everything now.
func removed(a *agent, generation uint32, why string) audit.Record {
	return audit.Record{Kind: audit.KindPolicyRemove, Agent: a.name, Where: "daemon", Gen: uint64(generation), Text: why}
}
