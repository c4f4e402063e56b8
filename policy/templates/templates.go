// SPDX-License-Identifier: Apache-2.0

// Package templates holds policies to start from. Each is a valid policy with tests that it passes, and its comments say why
// a rule is there: it is meant to be read and changed.
package templates

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names are the names of all templates, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // should never fail because the files are part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

var plainDirectory = regexp.MustCompile(`^(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)+$`)

var agentLine = regexp.MustCompile(`(?m)^agent: .*$`)

// Text is the text of a template for an agent ("": the template's own name for it), with a directory in the place of
// ${WORKSPACE} when one is given.
func Text(name, agent, workspace string) (string, error) {
	b, err := files.ReadFile(name + ".yaml")
	if err != nil || !slices.Contains(Names(), name) {
		return "", fmt.Errorf("unknown template %q (there are %s)", name, strings.Join(Names(), ", "))
	}
	text := string(b)
	if agent != "" {
		text = agentLine.ReplaceAllLiteralString(text, "agent: "+agent)
	}
	if workspace != "" {
		// It becomes part of paths, of commands, and of YAML: what means something to one of them would change a rule.
		if !plainDirectory.MatchString(workspace) {
			return "", fmt.Errorf("workspace %q is not a clean absolute path of letters, digits and \".\", \"_\", \"-\", \"@\", \"+\"", workspace)
		}
		text = strings.ReplaceAll(text, "${WORKSPACE}", workspace)
	}
	return text, nil
}
