// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"encoding/hex"

	"caisson/bpf/layout"
	"caisson/policy"
)

// inherited says whether what an earlier daemon left in force for an agent is this image, and its generation. It is then
// kept, so that events which that daemon had not read can still be decided again. That the rules have the same names is
// known from the policy's digest, unless the earlier daemon's state is lost.
func (d *Daemon) inherited(a *agent, p *policy.Policy, image *policy.Image) (generation uint32, ok bool) {
	generation = d.kernel.Generation(a.id)
	if generation == 0 || !d.kernel.Adopted() {
		return 0, false
	}
	if digest, known := d.digests[generation]; known && digest != hex.EncodeToString(p.Digest[:]) {
		return 0, false
	}
	pinned, err := d.kernel.Image(a.id)
	if err != nil {
		// A new generation is always right; events of the old one are then counted as unchecked.
		d.log.Warn("image in force cannot be read back", "agent", a.name, "error", err)
		return 0, false
	}
	return generation, bytes.Equal(pinned, image.Bytes(generation))
}

// adopt takes over what an earlier daemon left in force, as it is. Nothing has been read of the kernel's events yet.
func (d *Daemon) adopt(a *agent, p *policy.Policy, image *policy.Image, generation uint32, nodes map[uint32]layout.MountNodes) error {
	d.resolver.Learn(a.id, generation, p, image)
	if err := d.keep(a, p, image, generation, nodes); err != nil {
		return err
	}
	return d.ledger.Append(loaded(a, "; in force since before the daemon started"))
}

// inForce lists the digests of the policies in force by generation.
func (d *Daemon) inForce() map[uint32]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	digests := map[uint32]string{}
	for _, a := range d.agents {
		if a.image != nil {
			digests[a.generation] = a.digest()
		}
	}
	return digests
}
