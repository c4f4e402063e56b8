// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"errors"
	"fmt"
	"os"

	"caisson/policy"
)

// maxFile bounds the file with the hooks: 16 of them are about 2 KiB.
const maxFile = 64 << 10

// Load reads the hooks from a YAML file, strictly, and the keys that it names. The file, the keys and the programs must be
// such that only root and the daemon's own user can change them. The error is a *[policy.Faults] if the file could be read
// and something in it is wrong; it wraps [fs.ErrNotExist] if there is none.
func Load(path string) ([]Hook, error) {
	data, err := readOwned(path, maxFile, writable)
	if err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	list, err := parse(path, data)
	if err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	return list, nil
}

// parse reads the text of the file, and the files that it names.
func parse(path string, data []byte) ([]Hook, error) {
	var list []Hook
	err := policy.ParseDocument(path, data, `it needs "hooks: [ … ]"; without hooks, remove it`, func(root policy.Value) {
		f := root.Fields("the file", "hooks")
		items, ok := f["hooks"]
		if f != nil && !ok {
			root.Fail(`add "hooks: [ … ]"`, "the file has no hooks")
		}
		if ok {
			list = parseList(items)
		}
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func parseList(v policy.Value) []Hook {
	items := v.List("hooks", `one "- name: …" per hook`)
	if len(items) > MaxHooks {
		items[MaxHooks].Fail("let one hook tell the others", "more than %d hooks", MaxHooks)
		return nil
	}
	var list []Hook
	seen := map[string]policy.Pos{}
	for _, item := range items {
		h := parseHook(item)
		if first, dup := seen[h.Name]; dup && h.Name != "" {
			item.Fail("give each its own name", "hook %q is already at %d:%d", h.Name, first.Line, first.Col)
		}
		seen[h.Name] = item.Pos()
		list = append(list, h)
	}
	return list
}

// parseHook reads one hook.
func parseHook(v policy.Value) (h Hook) {
	f := v.Fields("a hook", "name", "command", "url", "secret_file", "all")
	if f == nil {
		return h
	}
	if name, ok := f["name"]; !ok {
		v.Fail(`add "name: …"`, "a hook has no name")
	} else if h.Name = name.Text("name"); h.Name != "" {
		report(name, checkName(h.Name))
	}
	if all, ok := f["all"]; ok {
		h.All = all.Flag("all")
	}

	command, isCommand := f["command"]
	address, isWeb := f["url"]
	secret, hasSecret := f["secret_file"]
	switch {
	case isCommand == isWeb:
		v.Fail(`write "command: [/path, word, …]", or url and secret_file`, "a hook is either a command or a url")
	case isCommand && hasSecret:
		secret.Fail("remove it", "secret_file belongs to hooks with url: what a command is told is not signed")
	case isCommand:
		h.Command = parseCommand(command)
	case !hasSecret:
		v.Fail(`add "secret_file: /path"; openssl rand -hex 32 makes a key`, "a hook with url has no secret_file: its receiver could not know who sends")
	default:
		if h.URL = address.Text("url"); h.URL != "" {
			report(address, checkURL(h.URL))
		}
		h.Secret = parseSecret(secret)
	}
	return h
}

func parseCommand(v policy.Value) []string {
	argv := []string{}
	for _, item := range v.List("command", "[/path/of/program, word, …]") {
		argv = append(argv, item.Text("a word of command"))
	}
	f := checkCommand(argv)
	report(v, f)
	if f == nil {
		report(v, asFault(checkProgram(argv[0])))
	}
	return argv
}

func parseSecret(v policy.Value) []byte {
	path := v.Text("secret_file")
	if path == "" {
		return nil
	}
	secret, err := readSecret(path)
	report(v, asFault(err))
	return secret
}

// report records a fault at its place.
func report(v policy.Value, f *fault) {
	if f != nil {
		v.Fail(f.hint, "%s", f.msg)
	}
}

// asFault keeps the remedy of an error that has one.
func asFault(err error) *fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	return &fault{msg: err.Error()}
}

// checkProgram says why a program is not one that a hook can be.
func checkProgram(path string) error {
	if err := owned(path, writable); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return &fault{path + " is no program", "chmod +x " + path}
	}
	return nil
}
