// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"net/http"

	"caisson/daemon/api"
	"caisson/daemon/control"
)

// slotFor returns the slot, with an image in force, for a run that a peer asks for: the agent's own, or for a policy with
// variables the one of runs with the same values. The caller holds change.
func (d *Daemon) slotFor(a *agent, p control.Peer, req api.RunRequest) (*slot, error) {
	if a.sample == nil {
		return a.own, nil
	}
	values, err := d.bindingOf(p, req, a.policy)
	if err != nil {
		return nil, err
	}
	for _, s := range a.bound {
		if *s.binding == *values && s.image != nil {
			return s, nil
		}
	}

	s, err := d.slotWith(a, values)
	if err != nil {
		return nil, &api.Error{Status: http.StatusConflict, Message: err.Error()}
	}
	if err := d.fill(s); err != nil {
		return nil, errors.Join(fmt.Errorf("policy of %s%s: %w", a.name, values, err), d.vacate(s.number))
	}
	return s, nil
}

// slotWith returns the slot of a binding, a new one if there is none.
func (d *Daemon) slotWith(a *agent, values *binding) (*slot, error) {
	for _, s := range a.bound {
		if *s.binding == *values {
			return s, nil
		}
	}
	return d.open(a, values)
}

// fill puts an agent's policy in force in a slot that has no image. What the run may write can make other agents' symlinks
// unfit, so they are looked at, too, before there is a run.
func (d *Daemon) fill(s *slot) error {
	bound, err := s.binding.bind(s.agent.policy)
	if err != nil {
		return err
	}
	d.mu.Lock()
	s.policy = bound
	d.mu.Unlock()
	d.survey()
	if _, err := d.again(s, "a run begins"); err != nil {
		return err
	}
	d.align()
	return nil
}
