// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// moduleDir is where the guest finds the module files it loads.
const moduleDir = "/vmrun-modules"

// addModules packs kernel modules after what they depend on and returns their
// guest paths in loading order.
func addModules(t *tree, k kernel, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	index, err := indexModules(filepath.Join(k.Dir, "lib", "modules", k.Release))
	if err != nil {
		return nil, err
	}

	p := modulePacker{tree: t, index: index, done: map[string]bool{}}
	for _, name := range names {
		if err := p.pack(name); err != nil {
			return nil, fmt.Errorf("pack module %s: %w", name, err)
		}
	}
	return p.order, nil
}

// moduleName is the name the kernel knows a module file by.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// indexModules maps module names to files below a directory.
func indexModules(root string) (map[string]string, error) {
	index := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), ".ko") {
			index[moduleName(name)] = name
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing kernel modules: %w", err)
	}
	return index, nil
}

type modulePacker struct {
	tree  *tree
	index map[string]string
	done  map[string]bool
	order []string
}

func (p *modulePacker) pack(name string) error {
	name = strings.ReplaceAll(name, "-", "_")
	if p.done[name] {
		return nil
	}
	p.done[name] = true

	file, ok := p.index[name]
	if !ok {
		return fmt.Errorf("kernel has no module %s", name)
	}
	data, err := readModule(file)
	if err != nil {
		return err
	}
	depends, err := moduleDepends(data)
	if err != nil {
		return err
	}
	for _, d := range depends {
		if err := p.pack(d); err != nil {
			return err
		}
	}

	guest := moduleDir + "/" + name + ".ko"
	p.order = append(p.order, guest)
	return p.tree.Data(guest, 0o600, data)
}

// readModule reads a module, decompressing it here: not every kernel can.
func readModule(file string) ([]byte, error) {
	if !strings.HasSuffix(file, ".xz") {
		return os.ReadFile(file)
	}
	data, err := exec.Command("busybox", "xzcat", file).Output()
	if err != nil {
		return nil, fmt.Errorf("decompressing %s: %w", file, err)
	}
	return data, nil
}

// moduleDepends reads the "depends" entry of a module's own description.
func moduleDepends(data []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("reading module: it has no description")
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}

	for entry := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := strings.CutPrefix(string(entry), "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}
