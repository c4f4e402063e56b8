// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"caisson/policy"
)

// launchers are programs whose work is to start others.
var launchers = []string{
	"ansible", "ash", "bash", "bazel", "bun", "bundle", "busybox", "cargo", "cmake", "composer", "csh", "dash", "deno", "direnv", "docker",
	"env", "expect", "find", "fish", "gmake", "go", "gradle", "java", "just", "ksh", "lua", "make", "meson", "mvn", "nice", "ninja", "node",
	"nodejs", "nohup", "npm", "npx", "parallel", "perl", "php", "pip", "pipx", "pnpm", "poetry", "pytest", "python", "rake", "ruby", "rustc",
	"setsid", "sh", "ssh", "stdbuf", "sudo", "task", "time", "timeout", "tox", "uv", "uvx", "watch", "xargs", "yarn", "zsh",
}

// launchers finds programs that start others, which are then decided on their own.
func (r *run) launchers() error {
	r.own(func(_ int, rule *policy.Rule) {
		if rule.Action != policy.ShellExec || rule.Effect != policy.Allow || rule.Descendants {
			return
		}
		var said []string
		for _, c := range positive(rule.When) {
			program, what := r.launcher(c)
			if what == "" || slices.Contains(said, program) {
				continue
			}
			said = append(said, program)
			r.add(launcher, rule, c.Pos, fmt.Sprintf("%s %s, and each program that it starts is decided on its own", program, what))
		}
	})
	return nil
}

// launcher says of the program of a command condition how it starts others; "" when it does not.
func (r *run) launcher(c policy.Condition) (program, what string) {
	program = programOf(c)
	if program == "" {
		return "", ""
	}
	real := program
	if r.env.LookPath != nil {
		if found, ok := r.env.LookPath(program); ok {
			real = found
		}
	}
	for _, name := range []string{path.Base(program), path.Base(real)} {
		if slices.Contains(launchers, unversioned(name)) {
			return program, "starts other programs"
		}
	}
	if r.host.Head == nil || !strings.HasPrefix(real, "/") {
		return program, ""
	}
	if line, _, _ := strings.Cut(r.host.Head(real), "\n"); strings.HasPrefix(line, "#!") {
		return program, fmt.Sprintf("is a script (%s)", strings.TrimSpace(line))
	}
	return program, ""
}

// unversioned is a program's name without the version behind it: python3.11 is python.
func unversioned(name string) string { return strings.TrimRight(name, "0123456789.-") }

// programOf is the program that a command condition names; "" when it names none.
func programOf(c policy.Condition) string {
	if c.Field != "command" || !slices.Contains([]string{"equals", "starts_with", "glob"}, c.Op) {
		return ""
	}
	words := strings.Fields(c.Value)
	if len(words) == 0 || c.Op == "glob" && strings.ContainsAny(words[0], "*?[") {
		return ""
	}
	return words[0]
}

// absent finds what rules name and this host does not have.
func (r *run) absent() error {
	r.own(func(_ int, rule *policy.Rule) {
		for _, c := range positive(rule.When) {
			if what := r.missing(c); what != "" {
				r.add(absent, rule, c.Pos, what)
			}
		}
	})
	return nil
}

// missing says what a condition names that is not there; "" when it is, or when that cannot be known.
func (r *run) missing(c policy.Condition) string {
	if program := programOf(c); program != "" && !strings.HasPrefix(program, "/") {
		if r.env.LookPath == nil {
			return ""
		}
		if _, ok := r.env.LookPath(program); ok {
			return ""
		}
		return fmt.Sprintf("program %s is not on secure_path", program)
	} else if program != "" {
		return r.missingPath(program)
	}
	if c.Field != "path" || !strings.HasPrefix(c.Value, "/") || !slices.Contains([]string{"equals", "starts_with", "glob"}, c.Op) {
		return ""
	}
	return r.missingPath(literalPart(c))
}

func (r *run) missingPath(path string) string {
	if r.host.Exists == nil || path == "/" || strings.HasPrefix(path, "/proc/self") {
		return ""
	}
	if there, known := r.host.Exists(path); there || !known {
		return ""
	}
	return path + " does not exist on this host"
}

// literalPart is the part of a path before its first pattern.
func literalPart(c policy.Condition) string {
	if c.Op != "glob" {
		return path.Clean(c.Value)
	}
	names := strings.Split(c.Value, "/")
	if i := slices.IndexFunc(names, func(n string) bool { return strings.ContainsAny(n, "*?[") }); i >= 0 {
		names = names[:i]
	}
	return path.Clean("/" + strings.Join(names, "/"))
}
