// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"caisson/bpf"
	"github.com/cilium/ebpf/btf"
)

func TestChoosePrograms(t *testing.T) {
	const two, three = bpf.CaissonProgCaissonInodeSetattrTwo, bpf.CaissonProgCaissonInodeSetattrThree
	for _, tc := range []struct {
		name    string
		setattr int
		missing []string // hooks
		dropped []string // programs
		err     string
	}{
		{name: "like 6.1", setattr: 2, missing: []string{"inode_set_acl", "inode_remove_acl"},
			dropped: []string{three, bpf.CaissonProgCaissonInodeSetAcl, bpf.CaissonProgCaissonInodeRemoveAcl}},
		{name: "like 6.12", setattr: 3, dropped: []string{two}},
		{name: "unknown parameters", setattr: 4, err: "it has 4 parameters"},
		{name: "required hook missing", setattr: 3, missing: []string{"file_open"}, err: "hook file_open"},
		{name: "floor hook missing", setattr: 3, missing: []string{"ptrace_access_check"}, err: "hook ptrace_access_check"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec, err := bpf.LoadCaisson()
			if err != nil {
				t.Fatal(err)
			}
			before := len(spec.Programs)
			err = chooseFrom(spec, func(hook string) (int, error) {
				if slices.Contains(tc.missing, hook) {
					return 0, fmt.Errorf("%s: %w", hook, btf.ErrNotFound)
				}
				return tc.setattr, nil
			})
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range tc.dropped {
				if spec.Programs[name] != nil {
					t.Errorf("%s was kept", name)
				}
			}
			if len(spec.Programs) != before-len(tc.dropped) {
				t.Errorf("%d programs of %d are left", len(spec.Programs), before)
			}
		})
	}
}
