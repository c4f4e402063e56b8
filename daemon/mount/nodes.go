// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"strings"

	"caisson/bpf/layout"
	"caisson/policy"
)

// Image is what Nodes needs of a compiled policy: *[policy.Image].
type Image interface {
	Node(root int, names ...string) uint32
}

// Nodes returns, for each superblock whose root is mounted, at which nodes of the image the kernel starts to walk. A node
// is 0 where no rule can match on that superblock; the entry is there all the same, because without one the superblock
// counts as not mounted.
func (t *Table) Nodes(m Image) map[uint32]layout.MountNodes {
	nodes := make(map[uint32]layout.MountNodes, len(t.place))
	for dev, point := range t.place {
		names := Names(point)
		var at layout.MountNodes
		for root := range at.Node {
			at.Node[root] = m.Node(root, names...)
		}
		nodes[dev] = at
	}
	return nodes
}

// Env completes an environment for compiling policies on this host: paths become locations by this table. A path that no
// location can name gets the empty location, so that a rule about it cannot match; the kernel denies what is there.
func (t *Table) Env(env policy.Env, guard Guard) policy.Env {
	env.Locate = func(path string) (string, string, error) {
		location, note, err := t.Locate(path, guard)
		if isNowhere(err) {
			return "", err.Error(), nil
		}
		return location, note, err
	}
	return env
}

// Names splits a clean absolute path into names; "/" has none.
func Names(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
