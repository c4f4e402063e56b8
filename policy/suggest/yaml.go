// SPDX-License-Identifier: Apache-2.0

package suggest

import "strings"

const (
	fewValues = 8   // that stand on a line each; more are written one behind the other
	lineWidth = 110 // of those
)

// lines are the rule as lines of YAML, as an item of a list whose dashes have this indentation.
func (r *Rule) lines(indent int) []string {
	pad := strings.Repeat(" ", indent)
	out := []string{
		pad + "- name: " + r.Name,
		pad + "  description: " + quoted(r.Why),
		pad + "  action: " + r.Action.String(),
		pad + "  conditions:",
	}
	field := ""
	for _, t := range r.Tests {
		if t.Field != field {
			field = t.Field
			out = append(out, pad+"    "+field+":")
		}
		out = append(out, t.lines(pad+"      ")...)
	}
	return append(out, pad+"  effect: "+r.Effect.String())
}

// lines are one operator with its values.
func (t *Test) lines(pad string) []string {
	values := make([]string, len(t.Values))
	for i, v := range t.Values {
		if values[i] = quoted(v); t.Field == "port" {
			values[i] = v
		}
	}
	if len(values) == 1 {
		return []string{pad + t.Op + ": " + values[0]}
	}
	if len(values) <= fewValues || t.Op != "glob" {
		out := []string{pad + t.Op + ":"}
		for _, v := range values {
			out = append(out, pad+"  - "+v)
		}
		return out
	}

	out := []string{pad + t.Op + ": ["}
	line := pad + " "
	for _, v := range values {
		if len(line)+len(v) > lineWidth {
			out, line = append(out, line), pad+" "
		}
		line += " " + v + ","
	}
	return append(out, strings.TrimSuffix(line, ",")+" ]")
}

// quoted writes a string of YAML.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
