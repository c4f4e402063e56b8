// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"

	"caisson/bpf/layout"
)

// inherited says whether what an earlier daemon left in force in a slot is this draft, and its generation. It is then kept,
// so that events which that daemon had not read can still be decided again. That the rules have the same names is known
// from the policy's digest, unless the earlier daemon's state is lost.
func (d *Daemon) inherited(n draft) (generation uint32, ok bool) {
	generation = d.kernel.Generation(n.slot.number)
	if generation == 0 || !d.kernel.Adopted() {
		return 0, false
	}
	if known, ok := d.digests[generation]; ok && known != digest(n.policy) {
		return 0, false
	}
	pinned, err := d.kernel.Image(n.slot.number)
	if err != nil {
		// A new generation is always right; events of the old one are then counted as unchecked.
		d.log.Warn("image in force cannot be read back", "agent", n.slot.agent.name, "error", err)
		return 0, false
	}
	return generation, bytes.Equal(pinned, n.image.Bytes(generation))
}

// adopt takes over what an earlier daemon left in force, as it is. Nothing has been read of the kernel's events yet.
func (d *Daemon) adopt(n draft, generation uint32, nodes map[uint32]layout.MountNodes) error {
	d.resolver.Learn(n.slot.agent.id, generation, n.policy, n.env, n.image)
	if err := d.keep(n, generation, nodes); err != nil {
		return err
	}
	return d.ledger.Append(loaded(n.slot, "in force since before the daemon started"))
}

// inForce lists the digests of the policies in force by generation.
func (d *Daemon) inForce() map[uint32]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	digests := map[uint32]string{}
	for _, s := range d.slots {
		if s.image != nil {
			digests[s.generation] = digest(s.policy)
		}
	}
	return digests
}
