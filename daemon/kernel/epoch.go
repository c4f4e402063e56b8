// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"

	"caisson/bpf"
)

// epochMounts is the element of the map `epochs` that this side writes: enum epoch in bpf/maps.h.
const epochMounts = uint32(0)

// changeMounts changes the map `mounts`. What the programs remember of directories depends on that map, so they forget it:
// while the epoch is odd they remember nothing and use nothing, and afterwards nothing from before. A daemon that dies in
// between leaves it odd, which costs time and nothing else, until the next one changes it here. The caller holds mu.
func (k *Kernel) changeMounts(change func() error) error {
	epochs := k.maps[bpf.CaissonMapEpochs]
	var epoch uint64
	if err := epochs.Lookup(epochMounts, &epoch); err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	if err := epochs.Put(epochMounts, epoch|1); err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	if err := change(); err != nil {
		return err
	}
	if err := epochs.Put(epochMounts, (epoch|1)+1); err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	return nil
}
