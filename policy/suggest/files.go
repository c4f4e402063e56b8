// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"path"
	"slices"
	"strings"
)

// shared are directories that belong to everybody, and how many names below them a directory must at least have before a
// rule may be about it. Where nothing is said, two names are enough.
var shared = map[string]int{
	"home": 3, "root": 2, "usr": 3, "var": 3, "opt": 2, "srv": 2, "mnt": 3, "media": 3, "tmp": 2, "lib": 3, "lib64": 3,
	"etc": 2, "snap": 3, "nix": 4,
	"proc": 99, "sys": 99, "dev": 99, "run": 99, // never: what lies there is no file of anybody's
}

// mayGeneralise says whether a rule may be about everything in a directory.
func mayGeneralise(dir string) bool {
	names := strings.Split(strings.TrimPrefix(dir, "/"), "/")
	least, ok := shared[names[0]]
	if !ok {
		least = 2
	}
	return len(names) >= least && !Secret(dir) && !strings.ContainsAny(dir, "*?[")
}

// generalise replaces paths by the directory that they lie in, where at least n of them lie directly in one, again and
// again. What lies in a directory that is left is dropped.
func generalise(paths []string, n int) (dirs, exact []string) {
	left, whole := slices.Clone(paths), map[string]bool{}
	for {
		dir := crowded(left, whole, n)
		if dir == "" {
			break
		}
		left = slices.DeleteFunc(left, func(p string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
		left = append(left, dir)
		whole[dir] = true
	}
	slices.Sort(left)
	for _, p := range left {
		if whole[p] {
			dirs = append(dirs, p)
		} else {
			exact = append(exact, p)
		}
	}
	return dirs, exact
}

// crowded is a directory, the deepest first, in which at least n of the paths lie directly; "" when there is none.
func crowded(paths []string, whole map[string]bool, n int) string {
	members := map[string]int{}
	for _, p := range paths {
		members[path.Dir(p)]++
	}
	best := ""
	for dir, count := range members {
		deeper := strings.Count(dir, "/") - strings.Count(best, "/")
		if count >= n && !whole[dir] && mayGeneralise(dir) && (best == "" || deeper > 0 || deeper == 0 && dir < best) {
			best = dir
		}
	}
	return best
}
