// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

const generationOffset = 28 // of Header.Generation

// SetImage puts an image in force in a slot, atomically: a hook sees the old one or the new one. First the superblocks'
// nodes for the new generation are written, then the image is flipped (the kernel waits until no program uses the old
// one), then the old generation's nodes go. On error the old image stays in force.
func (k *Kernel) SetImage(slot uint32, image []byte, mounts map[uint32]layout.MountNodes) error {
	if len(image) < layout.CellSize || len(image)%layout.CellSize != 0 {
		return fmt.Errorf("image: %d bytes are not a whole number of cells", len(image))
	}
	generation := binary.LittleEndian.Uint32(image[generationOffset:])
	if generation == 0 || slot == 0 || slot >= layout.MaxSlots {
		return fmt.Errorf("image: slot %d, generation %d are out of range", slot, generation)
	}

	cells, err := newImageMap(image)
	if err != nil {
		return err
	}
	defer cells.Close()

	k.mu.Lock()
	defer k.mu.Unlock()

	if err := k.setMounts(generation, mounts); err != nil {
		return errors.Join(err, k.setMounts(generation, nil))
	}
	if err := k.maps[bpf.CaissonMapImages].Put(slot, cells); err != nil {
		return errors.Join(fmt.Errorf("image in slot %d: %w", slot, err), k.setMounts(generation, nil))
	}

	old := k.generations[slot]
	k.generations[slot] = generation
	if old != 0 && old != generation {
		return k.setMounts(old, nil)
	}
	return nil
}

// newImageMap makes the inner map that holds an image; nobody can write to it any more.
func newImageMap(image []byte) (*ebpf.Map, error) {
	n := len(image) / layout.CellSize
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "image", Type: ebpf.Array, KeySize: 4, ValueSize: layout.CellSize,
		MaxEntries: uint32(n), Flags: unix.BPF_F_INNER_MAP,
	})
	if err != nil {
		return nil, fmt.Errorf("image of %d cells: %w", n, err)
	}

	keys := make([]uint32, n)
	cells := make([][layout.CellSize]byte, n)
	for i := range keys {
		keys[i] = uint32(i)
		cells[i] = [layout.CellSize]byte(image[i*layout.CellSize:])
	}
	if _, err := m.BatchUpdate(keys, cells, nil); err != nil {
		m.Close()
		return nil, fmt.Errorf("image of %d cells: %w", n, err)
	}
	if err := m.Freeze(); err != nil {
		m.Close()
		return nil, fmt.Errorf("freezing an image: %w", err)
	}
	return m, nil
}

// RemoveImage takes the image in a slot away: from now on everything is denied to whoever has that slot.
func (k *Kernel) RemoveImage(slot uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()

	err := k.maps[bpf.CaissonMapImages].Delete(slot)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("image in slot %d: %w", slot, err)
	}

	old := k.generations[slot]
	delete(k.generations, slot)
	if old == 0 {
		return nil
	}
	return k.setMounts(old, nil)
}

// SetMounts replaces the full set of superblocks that an image in force knows.
func (k *Kernel) SetMounts(generation uint32, mounts map[uint32]layout.MountNodes) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.setMounts(generation, mounts)
}

func (k *Kernel) setMounts(generation uint32, mounts map[uint32]layout.MountNodes) error {
	return k.changeMounts(func() error { return k.writeMounts(generation, mounts) })
}

func (k *Kernel) writeMounts(generation uint32, mounts map[uint32]layout.MountNodes) error {
	table := k.maps[bpf.CaissonMapMounts]
	for dev, nodes := range mounts {
		if err := table.Put(layout.MountKey{Generation: generation, Dev: dev}, nodes); err != nil {
			return fmt.Errorf("superblock %d:%d: %w", dev>>20, dev&(1<<20-1), err)
		}
	}
	return k.dropMounts(func(key layout.MountKey) bool {
		_, keep := mounts[key.Dev]
		return key.Generation == generation && !keep
	})
}

// dropMounts removes the entries that drop selects.
func (k *Kernel) dropMounts(drop func(layout.MountKey) bool) error {
	table := k.maps[bpf.CaissonMapMounts]
	var key layout.MountKey
	var nodes layout.MountNodes
	var stale []layout.MountKey

	entries := table.Iterate()
	for entries.Next(&key, &nodes) {
		if drop(key) {
			stale = append(stale, key)
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("superblocks: %w", err)
	}
	for _, key := range stale {
		if err := table.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("superblocks: %w", err)
		}
	}
	return nil
}

// Generation returns the generation of the image in force in a slot, 0 if there is none.
func (k *Kernel) Generation(slot uint32) uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generations[slot]
}

// Slots returns the slots that have an image in force, sorted.
func (k *Kernel) Slots() []uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.generations))
}

// recover learns which images an earlier daemon left in force, and drops what belongs to none of them.
func (k *Kernel) recover() error {
	generations, err := k.readGenerations()
	if err != nil {
		return err
	}
	k.generations = generations

	live := map[uint32]bool{}
	for _, generation := range generations {
		live[generation] = true
	}
	return k.changeMounts(func() error {
		return k.dropMounts(func(key layout.MountKey) bool { return !live[key.Generation] })
	})
}

// Image returns the image in force in a slot, nil if there is none.
func (k *Kernel) Image(slot uint32) ([]byte, error) {
	cells, err := k.imageMap(slot)
	if cells == nil || err != nil {
		return nil, err
	}
	defer cells.Close()

	image := make([]byte, 0, int(cells.MaxEntries())*layout.CellSize)
	var cell [layout.CellSize]byte
	for i := range cells.MaxEntries() {
		if err := cells.Lookup(i, &cell); err != nil {
			return nil, fmt.Errorf("image in slot %d: %w", slot, err)
		}
		image = append(image, cell[:]...)
	}
	return image, nil
}

// imageMap opens the map of the image in force; nil if there is none.
func (k *Kernel) imageMap(slot uint32) (*ebpf.Map, error) {
	var cells *ebpf.Map
	err := k.maps[bpf.CaissonMapImages].Lookup(slot, &cells)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("image in slot %d: %w", slot, err)
	}
	return cells, nil
}
