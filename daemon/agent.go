// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/writers"
	"caisson/policy"
)

// agent is one identity and what is in force for it.
type agent struct {
	name string
	id   uint32 // the kernel's number

	policy     *policy.Policy // the last that loaded; nil: none
	image      *policy.Image  // in force; nil: the agent is denied everything
	generation uint32         // of the image in force
	problem    string         // why the file on disk is not what is in force
	surveyed   string         // fingerprint of the survey under which the image was compiled; guarded by change
	refused    writers.Notes  // what was refused when it was compiled
}

// digest is that of the policy in force, hex; "" if none is.
func (a *agent) digest() string {
	if a.image == nil {
		return ""
	}
	return hex.EncodeToString(a.policy.Digest[:])
}

// know makes an identity known: number, slice, name. The caller holds change.
func (d *Daemon) know(name string) (*agent, error) {
	if a := d.agent(name); a != nil {
		return a, nil
	}

	id, err := d.kernel.AgentID(name)
	if err != nil {
		return nil, err
	}
	cg, err := d.tree.Agent(name)
	if err != nil {
		return nil, err
	}
	if err := d.kernel.BindSlice(cg, id); err != nil {
		return nil, err
	}
	d.resolver.Name(id, name)

	a := &agent{name: name, id: id}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agents[name], d.byID[id] = a, a
	return a, nil
}

// agent returns a known identity, nil if there is none.
func (d *Daemon) agent(name string) *agent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.agents[name]
}

// enforce compiles a policy and puts it in force for an agent, unless exactly that is in force already: then only the
// places of superblocks are brought up to date. If it fails, what was in force stays in force. The caller holds change and
// has surveyed.
func (d *Daemon) enforce(a *agent, p *policy.Policy) (changed bool, err error) {
	env, refused := d.env()
	image, err := policy.Compile(p, env)
	if err != nil {
		return false, err
	}
	nodes := d.table.Load().Nodes(image)
	d.refuse(a, refused)

	if a.image == nil {
		if generation, ok := d.inherited(a, p, image); ok {
			return false, d.adopt(a, p, image, generation, nodes)
		}
	} else if a.policy.Digest == p.Digest && bytes.Equal(a.image.Bytes(0), image.Bytes(0)) {
		return false, d.keep(a, p, image, a.generation, nodes)
	}

	generation := d.nextGeneration()
	d.resolver.Learn(a.id, generation, p, image)
	if err := d.kernel.SetImage(a.id, image.Bytes(generation), nodes); err != nil {
		return false, fmt.Errorf("putting the image in force: %w", err)
	}
	d.set(a, p, image, generation)
	a.surveyed = d.ground.Fingerprint()
	return true, d.ledger.Append(loaded(a, ""))
}

// keep brings the places of superblocks up to date for an image that is in force as it is.
func (d *Daemon) keep(a *agent, p *policy.Policy, image *policy.Image, generation uint32, nodes map[uint32]layout.MountNodes) error {
	if err := d.kernel.SetMounts(generation, nodes); err != nil {
		return fmt.Errorf("places of file systems: %w", err)
	}
	d.set(a, p, image, generation)
	a.surveyed = d.ground.Fingerprint()
	return nil
}

// loaded is the record of a policy that is in force now.
func loaded(a *agent, more string) audit.Record {
	return audit.Record{
		Kind: audit.KindPolicyLoad, Agent: a.name, Where: "daemon", Gen: uint64(a.generation), Pol: a.digest()[:8],
		Text: fmt.Sprintf("%s, %d rules%s", a.policy.File, len(a.policy.Rules), more),
	}
}

// withdraw leaves an agent without an image: it is denied everything. The caller holds change.
func (d *Daemon) withdraw(a *agent, why string) error {
	if err := d.kernel.RemoveImage(a.id); err != nil {
		return fmt.Errorf("withdrawing the policy of %s: %w", a.name, err)
	}

	if a.image == nil && !d.kernel.Adopted() {
		return nil // nothing was in force
	}
	rec := audit.Record{Kind: audit.KindPolicyRemove, Agent: a.name, Where: "daemon", Gen: uint64(a.generation), Text: why}
	d.set(a, a.policy, nil, 0)
	if err := d.ledger.Append(rec); err != nil && !errors.Is(err, d.ledger.Err()) {
		return err
	}
	return nil
}

// set stores what is in force where others can read it.
func (d *Daemon) set(a *agent, p *policy.Policy, image *policy.Image, generation uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a.policy, a.image, a.generation = p, image, generation
}

// trouble stores why an agent's file is not what is in force; "" when it is.
func (d *Daemon) trouble(a *agent, problem string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a.problem = problem
}

// nextGeneration numbers images. The count begins with the time at which the daemon started, or with what the kernel has
// from before when that is more, so that events which are still on their way are never taken for those of a new image.
func (d *Daemon) nextGeneration() uint32 {
	d.generation++
	if d.generation == 0 {
		d.generation = 1 // 0 means that no image is in force
	}
	return d.generation
}
