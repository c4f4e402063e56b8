//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"testing"

	"caisson/bpf"
	"github.com/cilium/ebpf"
)

// verifierBudget is a tenth of what the verifier allows. A program above it loads slowly, and a newer verifier that
// looks a little closer may refuse it.
const verifierBudget = 100_000

func TestVMVerifierCost(t *testing.T) {
	spec, err := bpf.LoadCaisson()
	if err != nil {
		t.Fatal(err)
	}
	if err := choosePrograms(spec); err != nil {
		t.Fatal(err)
	}
	// All at once: the maps, the ring buffer among them, are then made once and not for every program.
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatal(verifierHint(err))
	}
	defer coll.Close()

	for name, prog := range coll.Programs {
		info, err := prog.Info()
		if err != nil {
			t.Fatal(err)
		}
		n, ok := info.VerifiedInstructions()
		t.Logf("%s: %d instructions", name, n)
		if !ok || n > verifierBudget {
			t.Errorf("%s: the verifier looked at %d instructions, the budget is %d", name, n, verifierBudget)
		}
	}
}
