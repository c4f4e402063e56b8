// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// generationProgram returns the generation of the image in the slot that it is run on, 0 if there is none. It says in BPF:
// image = images[*context]; header = image[0]; return header->generation.
func generationProgram(images *ebpf.Map) *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{
		Name: "generation", Type: ebpf.Syscall, Flags: unix.BPF_F_SLEEPABLE,
		License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R1, asm.R1, 0, asm.Word),
			asm.StoreMem(asm.RFP, -4, asm.R1, asm.Word),
			asm.LoadMapPtr(asm.R1, images.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "exit"),

			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.Mov.Reg(asm.R1, asm.R0),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "exit"),

			asm.LoadMem(asm.R0, asm.R0, generationOffset, asm.Word),
			asm.Return().WithSymbol("exit"),
		},
	}
}

// readGenerations returns the generation of every image in force, by slot. A program reads them, because before 6.8 every
// lookup in a map of maps by bpf(2), also one that finds nothing, waits for the end of an RCU grace period
// (maybe_wait_bpf_programs in bpf_map_copy_value): for all slots together more than a minute.
func (k *Kernel) readGenerations() (generations map[uint32]uint32, err error) {
	prog, err := ebpf.NewProgram(generationProgram(k.maps[bpf.CaissonMapImages]))
	if err != nil {
		return nil, fmt.Errorf("reader of generations: %w", verifierHint(err))
	}
	defer func() { err = errors.Join(err, prog.Close()) }()

	generations = map[uint32]uint32{}
	for slot := range uint32(layout.MaxSlots) {
		generation, err := prog.Run(&ebpf.RunOptions{Context: slot})
		if err != nil {
			return nil, fmt.Errorf("image in slot %d: %w", slot, err)
		}
		if generation != 0 {
			generations[slot] = generation
		}
	}
	return generations, nil
}
