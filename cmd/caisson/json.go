// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"caisson/audit"
)

// json writes a value as indented JSON.
func (u *ui) json(v any) error { return u.encode(v, "  ") }

// jsonLine writes a value as one line of JSON.
func (u *ui) jsonLine(v any) error { return u.encode(v, "") }

func (u *ui) encode(v any, indent string) error {
	text, err := marshal(v, indent)
	if err != nil {
		return err
	}
	u.text(text)
	return nil
}

// marshal is a value as JSON, with a newline at the end, fit for a terminal.
func marshal(v any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return escapeJSON(b.String()), err
}

// escapeJSON escapes the characters that JSON allows in strings and a terminal acts on. In JSON text, characters beyond
// ASCII stand in strings only, and the escapes of the audit log are those of JSON.
func escapeJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && r != 0x7f {
			b.WriteRune(r)
		} else {
			b.WriteString(audit.Sanitize(string(r)))
		}
	}
	return b.String()
}
