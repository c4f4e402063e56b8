// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree reads from a map instead of a file system.
func tree(files map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
}

// named is a rule with a name and nothing special, as an item of a list.
func named(name string) string { return "{ name: " + name + ", action: network, effect: DENY }" }

// rulesOf is a file of rules.
func rulesOf(items ...string) string { return "rules: [" + strings.Join(items, ", ") + "]\n" }

func including(path string) string { return "{ include: " + path + " }" }

func TestIncludeStandsWhereItIsWritten(t *testing.T) {
	files := map[string]string{
		"p/a.yaml":            "agent: a\n" + rulesOf(named("one"), including("shared/b.yaml"), named("five"), including("/abs/d.yaml")),
		"p/shared/b.yaml":     "description: shared\n" + rulesOf(named("two"), including("sub/../c.yaml"), named("four")),
		"p/shared/c.yaml":     rulesOf(named("three")),
		"/abs/d.yaml":         "rules: []\n",
		"p/shared/sub/c.yaml": "wrong",
	}
	p, err := ParseWith("p/a.yaml", []byte(files["p/a.yaml"]), tree(files))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.Rules {
		got = append(got, r.Name+" "+r.File)
	}
	want := []string{"one p/a.yaml", "two p/shared/b.yaml", "three p/shared/c.yaml", "four p/shared/b.yaml", "five p/a.yaml"}
	if !slices.Equal(got, want) {
		t.Errorf("rules are %q, want %q", got, want)
	}
	order := []string{"p/a.yaml", "p/shared/b.yaml", "p/shared/c.yaml", "/abs/d.yaml"}
	if p.File != "p/a.yaml" || !slices.Equal(p.Files, order) {
		t.Errorf("files are %q", p.Files)
	}

	var sums []byte
	for _, name := range order {
		sum := sha256.Sum256([]byte(files[name]))
		sums = append(sums, sum[:]...)
	}
	if p.Digest != sha256.Sum256(sums) {
		t.Error("the digest is not that of all files")
	}
	for _, name := range order {
		changed := map[string]string{}
		for k, v := range files {
			changed[k] = v
		}
		changed[name] += "# changed\n"
		other, err := ParseWith("p/a.yaml", []byte(changed["p/a.yaml"]), tree(changed))
		if err != nil || other.Digest == p.Digest {
			t.Errorf("%s changed and the digest did not: %v", name, err)
		}
	}
}

func TestDigestOfOneFileIsItsOwn(t *testing.T) {
	text := []byte("agent: a\nrules: []\n")
	p, err := Parse("a.yaml", text)
	if err != nil || p.Digest != sha256.Sum256(text) {
		t.Errorf("digest %x, %v", p.Digest, err)
	}
}

// ladder is files 0.yaml, 1.yaml, … of which each includes the next.
func ladder(files int) map[string]string {
	m := map[string]string{}
	for i := range files {
		m[fmt.Sprintf("%d.yaml", i)] = rulesOf(including(fmt.Sprintf("%d.yaml", i+1)))
	}
	m[fmt.Sprintf("%d.yaml", files)] = "rules: []\n"
	return m
}

func TestIncludeFaults(t *testing.T) {
	cases := []struct {
		name, top string
		files     map[string]string
		want      []string
		watch     string // the files that were read, or tried, behind the first
	}{
		{"itself", rulesOf(including("a.yaml")), nil, []string{"a.yaml:2:20: files include each other: a.yaml → a.yaml"}, ""},
		{"a cycle", rulesOf(including("b.yaml")), map[string]string{"b.yaml": rulesOf(including("./a.yaml"))},
			[]string{"b.yaml:1:20: files include each other: a.yaml → b.yaml → a.yaml"}, "b.yaml"},
		{"too deep", rulesOf(including("0.yaml")), ladder(9), []string{"7.yaml:1:20: files include each other deeper than 8 levels: a.yaml → 0.yaml → 1.yaml"},
			"0.yaml 1.yaml 2.yaml 3.yaml 4.yaml 5.yaml 6.yaml 7.yaml"},
		{"twice", rulesOf(including("b.yaml"), including("b.yaml")), map[string]string{"b.yaml": rulesOf(named("r"))},
			[]string{"a.yaml:2:41: b.yaml is already included at a.yaml:2:20"}, "b.yaml"},
		{"absent", rulesOf(including("b.yaml")), nil, []string{"a.yaml:2:20: including b.yaml: file does not exist (it is looked for from the directory of a.yaml)"}, "b.yaml"},
		{"same name in two files", rulesOf(named("r"), including("b.yaml")), map[string]string{"b.yaml": rulesOf(named("r"))},
			[]string{`b.yaml:1:17: rule name "r" is already used at a.yaml:2:17`}, "b.yaml"},
		{"at the top", "include: b.yaml\nrules: []\n", nil,
			[]string{`a.yaml:2:1: the policy has no field "include" (write it as an item of rules: "rules: [ { include: FILE } ]")`}, ""},
		{"with other fields", rulesOf("{ include: b.yaml, name: x }"), map[string]string{"b.yaml": "rules: []\n"},
			[]string{`a.yaml:2:28: an include has no field "name" (known are include)`}, "b.yaml"},
		{"not a name", rulesOf("{ include: [b.yaml] }"), nil, []string{"a.yaml:2:20: include must be a string, not a list"}, ""},
		{"a policy", rulesOf(including("b.yaml")), map[string]string{"b.yaml": "agent: b\nrules: []\n"},
			[]string{`b.yaml:1:1: the included file has no field "agent" (known are description, rules)`}, "b.yaml"},
		{"empty", rulesOf(including("b.yaml")), map[string]string{"b.yaml": "# nothing\n"}, []string{"b.yaml:1:1: the included file is empty (it needs rules)"}, "b.yaml"},
		{"no rules", rulesOf(including("b.yaml")), map[string]string{"b.yaml": "description: x\n"}, []string{"b.yaml:1:1: the included file has no rules"}, "b.yaml"},
		{"faults of all files, in order", rulesOf("x", including("b.yaml"), "y"), map[string]string{"b.yaml": rulesOf("z")},
			[]string{"a.yaml:2:9: a rule must be a mapping", "a.yaml:2:33: a rule must be a mapping", "b.yaml:1:9: a rule must be a mapping"}, "b.yaml"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseWith("a.yaml", []byte("agent: a\n"+tc.top), tree(tc.files))
			var faults *Faults
			if !errors.As(err, &faults) {
				t.Fatalf("error is %v", err)
			}
			text := err.Error()
			for _, want := range tc.want {
				i := strings.Index(text, want)
				if i < 0 {
					t.Fatalf("got  %s\nwant %s", err, want)
				}
				text = text[i+1:]
			}
			if got := strings.Join(faults.Files, " "); got != strings.TrimSpace("a.yaml "+tc.watch) {
				t.Errorf("files are %s", got)
			}
		})
	}
}

func TestIncludeNeedsAReader(t *testing.T) {
	_, err := Parse("a.yaml", []byte("agent: a\n"+rulesOf(including("b.yaml"))))
	if err == nil || !strings.Contains(err.Error(), "b.yaml cannot be included: only this file is read") {
		t.Errorf("got %v", err)
	}
}

func TestIncludeIsBounded(t *testing.T) {
	files := map[string]string{}
	var many, large []string
	for i := range maxFiles {
		many = append(many, including(fmt.Sprintf("m%d.yaml", i)))
		files[fmt.Sprintf("m%d.yaml", i)] = "rules: []\n"
	}
	for i := range 3 {
		large = append(large, including(fmt.Sprintf("l%d.yaml", i)))
		files[fmt.Sprintf("l%d.yaml", i)] = "rules: [] #" + strings.Repeat(" ", 6<<20)
	}
	for want, top := range map[string][]string{
		"more than 100 files":                        many,
		"what it includes are larger than 16777216 ": large,
	} {
		_, err := ParseWith("a.yaml", []byte("agent: a\n"+rulesOf(top...)), tree(files))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestLoadIncludes(t *testing.T) {
	dir := fill(t, map[string]string{
		"a.yaml": "agent: a\n" + rulesOf(including("shared/good.yaml")),
		"b.yaml": "agent: b\n" + rulesOf(including("shared/bad.yaml"), including("shared/absent.yaml"), including("shared")),
	})
	shared := filepath.Join(dir, "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"good.yaml": rulesOf(named("r")), "bad.yaml": "x"} {
		if err := os.WriteFile(filepath.Join(shared, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	set, err := LoadDir(dir)
	if p := set.Policies["a"]; p == nil || len(p.Rules) != 1 || p.Rules[0].File != filepath.Join(shared, "good.yaml") {
		t.Errorf("policy is %+v", p)
	}
	for _, want := range []string{"shared/bad.yaml:1:1: the included file must be a mapping", "absent.yaml: no such file or directory", "shared is not a regular file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	want := []string{"a.yaml", "b.yaml", "shared", "shared/absent.yaml", "shared/bad.yaml", "shared/good.yaml"}
	for i := range want {
		want[i] = filepath.Join(dir, want[i])
	}
	if !slices.Equal(set.Files, want) {
		t.Errorf("files are %q", set.Files)
	}
}
