// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// layer says what the packages below one directory must not depend on,
// neither themselves nor through other packages of this module.
type layer struct {
	dir string
	bad []string // import paths; everything below them as well
}

var layerTable = []layer{
	{"audit", []string{"github.com/cilium/ebpf", "net/http", "caisson/daemon", "caisson/policy"}},
	{"bpf", []string{"caisson/daemon", "caisson/audit"}},
	{"policy", []string{"github.com/cilium/ebpf", "net/http", "caisson/daemon", "caisson/audit"}},
	{"daemon", []string{"mvdan.cc/sh"}}, // a parser of shell has no place next to privilege
	{"cmd/caissond", []string{"mvdan.cc/sh"}},
}

const (
	yamlPath  = "gopkg.in/yaml.v3"
	yamlFiles = "policy/parse*.go" // so that another parser is one line away
)

// layers finds dependencies that the architecture forbids.
func layers(tree fs.FS) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}

	var found []string
	own := map[string][]string{}   // package -> imports, tests included
	built := map[string][]string{} // package -> imports of what is built
	for _, f := range files {
		dir := path.Dir(f.Name)
		own[dir] = append(own[dir], f.imports()...)
		if !f.isTest() {
			built[dir] = append(built[dir], f.imports()...)
		}
		if ok, _ := path.Match(yamlFiles, f.Name); !ok && slices.Contains(f.imports(), yamlPath) {
			found = append(found, fmt.Sprintf("%s: imports %s (only %s may)", f.Name, yamlPath, yamlFiles))
		}
	}

	for _, dir := range slices.Sorted(maps.Keys(own)) {
		for _, l := range layerTable {
			if below(dir, l.dir) {
				found = append(found, l.check(dir, own[dir], built)...)
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// check follows the imports of one package through the module and reports the
// chains that end in something forbidden.
func (l layer) check(dir string, imports []string, built map[string][]string) []string {
	var found []string
	seen := map[string]bool{}

	var follow func(chain []string, imports []string)
	follow = func(chain []string, imports []string) {
		for _, p := range imports {
			if seen[p] {
				continue
			}
			seen[p] = true
			longer := append(slices.Clone(chain), p)
			switch inner, ok := strings.CutPrefix(p, "caisson/"); {
			case l.forbids(p):
				found = append(found, fmt.Sprintf("%s: imports %s", dir, strings.Join(longer, " -> ")))
			case ok:
				follow(longer, built[inner])
			}
		}
	}
	follow(nil, imports)
	return found
}

func (l layer) forbids(p string) bool {
	return slices.ContainsFunc(l.bad, func(bad string) bool { return below(p, bad) })
}

// below reports whether a path is another one or lies below it.
func below(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }
