// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"fmt"
	"strings"
	"testing"

	"caisson/policy"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name, argv string
		argc       int
		words      string
		cut        bool
	}{
		{"whole", "npm\x00test\x00-v\x00", 3, "[test -v]", false},
		{"only argv[0]", "npm\x00", 1, "[]", false},
		{"none", "", 0, "[]", false},
		{"empty words", "npm\x00\x00\x00", 3, "[ ]", false},
		{"fewer than argc", "npm\x00test\x00", 5, "[test]", true},
		{"last one torn", "npm\x00tes", 2, "[]", true},
		{"argv[0] torn", "np", 1, "[]", true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			words, cut := split([]byte(tc.argv), tc.argc)
			if got := fmt.Sprintf("%s", words); got != tc.words || cut != tc.cut {
				t.Errorf("split = %s, %v, want %s, %v", got, cut, tc.words, tc.cut)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	p, err := policy.Parse("t.yaml", []byte(`agent: a
rules:
  - name: deploy
    action: shell_exec
    conditions: { command: { starts_with: npm run deploy } }
    effect: ALLOW
  - name: hosts
    action: network
    conditions: { host: { equals: secret.example } }
    effect: ALLOW
`))
	if err != nil {
		t.Fatal(err)
	}
	known := vocabulary(p)

	tests := []struct{ name, word, want string }{
		{"word of a rule", "deploy", "deploy"},
		{"other word", "s3cr3t", hidden},
		{"a rule's word with something behind", "deployS", hidden},
		{"word of another kind of rule", "secret.example", hidden},
		{"flag", "--verbose", "--verbose"},
		{"flag with value", "--token=s3cr3t", "--token=" + hidden},
		{"flag with two equals signs", "--a=b=c", "--a=" + hidden},
		{"short flag", "-v", "-v"},
		{"short flags", "-rf", "-rf"},
		{"short flag with its value attached", "-ps3cr3t", "-p" + hidden},
		{"short flag with value", "-p=s3cr3t", "-p=" + hidden},
		{"long flag with one dash", "-token=s3cr3t", "-t" + hidden},
		{"dash", "-", "-"},
		{"two dashes", "--", "--"},
		{"empty", "", hidden},
		{"bytes", "\xff\x00", hidden},
		{"header", "Authorization: Bearer x", hidden},
		{"path", "/home/u/.ssh/id_ed25519", hidden},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := redact([][]byte{[]byte(tc.word)}, known)
			if len(got) != 1 || got[0] != tc.want {
				t.Errorf("redact = %q, want %q", got, tc.want)
			}
			if strings.Contains(got[0], "s3cr3t") {
				t.Error("leaked")
			}
		})
	}
}
