// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// The agents that are measured.
const (
	agentFew   = "bench-few"
	agentMany  = "bench-many"
	agentGlobs = "bench-globs"
)

// Rules that allow what the workers do. They are short: a policy file holds at most a mebibyte.
const needed = `- {name: read, action: file_read, conditions: {path: {starts_with: %s}}, effect: ALLOW}
- {name: worker, action: shell_exec, conditions: {command: {starts_with: %s}}, effect: ALLOW}
- {name: exec, action: shell_exec, conditions: {command: {starts_with: %s}}, effect: ALLOW}
- {name: connect, action: network, conditions: {address: {equals: 127.0.0.1}, port: {equals: %d}}, effect: ALLOW}
`

// neededRules is how many these are.
const neededRules = 4

// secrets denies files by name, wherever they are: no directory's decision is then final.
const secrets = `- {name: keys, action: file_read, conditions: {path: {glob: "/**/*.pem"}}, effect: DENY}
- {name: environment, action: file_read, conditions: {path: {glob: "/**/.env"}}, effect: DENY}
`

// writePolicies writes the policies: what is needed comes last, and the rules before it are about the places around it.
func writePolicies(dir string, w *world) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing policies: %w", err)
	}
	port := w.listener.Addr().(*net.TCPAddr).Port
	last := fmt.Sprintf(needed, openTop, w.self, execProgram, port)
	if err := os.WriteFile(filepath.Join(dir, agentWork+".yaml"), []byte(workPolicy), 0o644); err != nil {
		return fmt.Errorf("writing a policy: %w", err)
	}
	for agent, text := range map[string]string{
		agentFew:   others(10-neededRules) + last,
		agentMany:  others(10_000-neededRules) + last,
		agentGlobs: secrets + others(10-neededRules-2) + last,
	} {
		file := filepath.Join(dir, agent+".yaml")
		if err := os.WriteFile(file, []byte("agent: "+agent+"\nrules:\n"+text), 0o644); err != nil {
			return fmt.Errorf("writing a policy: %w", err)
		}
	}
	return nil
}

// kinds are rules of every kind, about the neighbourhood of what is measured.
var kinds = []struct {
	format    string
	arguments func(i int) []any
}{
	{"action: file_write, conditions: {path: {starts_with: " + openTop + "/o%d}}, effect: DENY", number},
	{"action: file_read, conditions: {path: {starts_with: " + openTop + "/s%d}}, effect: DENY", number},
	{"action: shell_exec, conditions: {command: {starts_with: /bin/t%d x}}, effect: ALLOW", number},
	{"action: network, conditions: {address: {equals: 10.%d.%d.%d}}, effect: ALLOW", address},
}

func number(i int) []any { return []any{i} }

func address(i int) []any { return []any{i >> 16, i >> 8 & 255, i & 255} }

// others makes n rules that decide nothing that is measured.
func others(n int) string {
	var b strings.Builder
	for i := range n {
		kind := i % len(kinds)
		rule := fmt.Sprintf(kinds[kind].format, kinds[kind].arguments(i)...)
		fmt.Fprintf(&b, "- {name: o%d, %s}\n", i, rule)
	}
	return b.String()
}
