//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import "testing"

func TestVMLoadAdoptDetach(t *testing.T) {
	pins := "/sys/fs/bpf/caisson-test"
	k, err := Load(Options{PinDir: pins})
	if err != nil {
		t.Fatal(err)
	}
	if k.Adopted() {
		t.Error("nothing was pinned, yet the pins were adopted")
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
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Detach(pins); err != nil {
		t.Fatal(err)
	}
}
