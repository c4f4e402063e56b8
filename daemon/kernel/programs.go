// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"caisson/bpf"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// optional lists the programs whose hook some supported kernels do not have, and what covers the operation there.
var optional = map[string]string{
	bpf.CaissonProgCaissonInodeSetAcl:    "before 6.2 an ACL is set through inode_setxattr",
	bpf.CaissonProgCaissonInodeRemoveAcl: "before 6.2 an ACL is removed through inode_removexattr",
}

// choosePrograms drops from spec what the running kernel has no hook for. A hook that is missing and not optional is an
// error: the operation would go undecided.
func choosePrograms(spec *ebpf.CollectionSpec) error {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return fmt.Errorf("kernel BTF: %w (the kernel must be built with CONFIG_DEBUG_INFO_BTF)", err)
	}
	return chooseFrom(spec, func(hook string) (int, error) {
		var fn *btf.Func
		if err := kernel.TypeByName("bpf_lsm_"+hook, &fn); err != nil {
			return 0, err
		}
		return len(fn.Type.(*btf.FuncProto).Params), nil
	})
}

// chooseFrom is choosePrograms with the kernel reduced to a function that counts a hook's parameters.
func chooseFrom(spec *ebpf.CollectionSpec, params func(hook string) (int, error)) error {
	// The mount's ID map became the first parameter after 6.1.
	n, err := params("inode_setattr")
	if err != nil {
		return fmt.Errorf("hook inode_setattr: %w", err)
	}
	switch n {
	case 2:
		delete(spec.Programs, bpf.CaissonProgCaissonInodeSetattrThree)
	case 3:
		delete(spec.Programs, bpf.CaissonProgCaissonInodeSetattrTwo)
	default:
		return fmt.Errorf("hook inode_setattr: it has %d parameters (this version of caisson knows 2 and 3)", n)
	}

	for name, ps := range spec.Programs {
		_, err := params(ps.AttachTo)
		if errors.Is(err, btf.ErrNotFound) && optional[name] != "" {
			delete(spec.Programs, name)
			continue
		}
		if err != nil {
			return fmt.Errorf("hook %s: %w", ps.AttachTo, err)
		}
	}
	return nil
}
