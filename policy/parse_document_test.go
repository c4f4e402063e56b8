// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"
)

// TestParseDocument: what is no policy is read as strictly as a policy.
func TestParseDocument(t *testing.T) {
	type result struct {
		words []string
		all   bool
	}
	parse := func(text string) (r result, err error) {
		err = ParseDocument("f", []byte(text), "it needs list", func(root Value) {
			f := root.Fields("the file", "list", "all")
			if v, ok := f["list"]; ok {
				for _, w := range v.List("list", "[a, b]") {
					r.words = append(r.words, w.Text("a word"))
				}
			}
			if v, ok := f["all"]; ok {
				r.all = v.Flag("all")
			}
			if len(r.words) > 2 {
				root.Fail("write two", "%d words from %v on", len(r.words), root.Pos().Line)
			}
		})
		return r, err
	}

	if r, err := parse("list: [a, b]\nall: true\n"); err != nil || strings.Join(r.words, " ") != "a b" || !r.all {
		t.Errorf("read %+v, %v", r, err)
	}
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "# nothing\n", "f:1:1: the file is empty (it needs list)"},
		{"two documents", "list: []\n---\nlist: []\n", "f:2:1: second document in the file"},
		{"unknown key", "lists: []\n", "did you mean list?"},
		{"twice", "list: []\nlist: []\n", `f:2:1: the file has "list" twice`},
		{"no mapping", "[a]\n", "f:1:1: the file must be a mapping, not a list"},
		{"no list", "list: a\n", "f:1:7: list must be a list, not a string (write [a, b])"},
		{"no string", "list: [1]\n", "f:1:8: a word must be a string, not an integer"},
		{"no boolean", "all: yes please\n", "f:1:6: all must be a boolean, not a string (write true or false)"},
		{"anchor", "list: &x [a]\n", "anchor &x"},
		{"tag", "list: !!set [a]\n", "tag !!set"},
		{"not YAML", "list: [\n", "f:1:1: not valid YAML"},
		{"not text", "list: [\x00]\n", "is not text"},
		{"the caller's own", "list: [a, b, c]\n", "f:1:1: 3 words from 1 on (write two)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := parse(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}
