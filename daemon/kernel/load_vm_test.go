//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"slices"
	"testing"

	"caisson/bpf/layout"
)

func TestVMLoadAdoptDetach(t *testing.T) {
	pins := "/sys/fs/bpf/caisson-test"
	k, err := Load(Options{PinDir: pins})
	if err != nil {
		t.Fatal(err)
	}
	if k.Adopted() {
		t.Error("nothing was pinned, yet the pins were adopted")
	}
	if slots := k.Slots(); len(slots) != 0 {
		t.Errorf("images in force before any was put there: %d", slots)
	}
	slots := []uint32{1, layout.MaxAgents, layout.MaxSlots - 1}
	for _, slot := range slots {
		image := make([]byte, layout.CellSize)
		binary.LittleEndian.PutUint32(image[generationOffset:], 1<<31+slot)
		if err := k.SetImage(slot, image, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}

	k, err = Load(Options{PinDir: pins})
	if err != nil {
		t.Fatal(err)
	}
	if !k.Adopted() {
		t.Error("the pins of the same programs were not adopted")
	}
	if got := k.Slots(); !slices.Equal(got, slots) {
		t.Errorf("images in the slots %d, want %d", got, slots)
	}
	for _, slot := range slots {
		if g := k.Generation(slot); g != 1<<31+slot {
			t.Errorf("slot %d: generation %d, want %d", slot, g, 1<<31+slot)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Detach(pins); err != nil {
		t.Fatal(err)
	}
}
