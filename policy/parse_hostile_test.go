// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What reading any text at all may take. Time is many times what it takes here, because test machines are busy.
const (
	hostileTime  = 30 * time.Second
	hostileBytes = 320 << 20
)

// bounded runs f and fails when it takes too long, or allocates more than most bytes in sum.
func bounded(t *testing.T, most uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if took > hostileTime {
		t.Errorf("took %s, more than %s", took, hostileTime)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > most {
		t.Errorf("allocated %d MiB, more than %d", got>>20, most>>20)
	}
}

// fillFile repeats a text until a policy file is full of it, marks being how many marks of YAML it has.
func fillFile(text string, marks int) string {
	n := (maxFile - 100) / len(text)
	if marks > 0 {
		n = min(n, (maxMarks-10)/marks)
	}
	return strings.Repeat(text, n)
}

// laughs is text of which each line is ten times the one before.
func laughs() string {
	var b strings.Builder
	b.WriteString("agent: a\nl0: &l0 ha\n")
	for i := range 12 {
		fmt.Fprintf(&b, "l%d: &l%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*l%d,", i), 10))
	}
	return b.String() + "rules: *l12\n"
}

// nested is a rule whose condition stands inside of so many of one combinator.
func nested(word string, levels int) string {
	open, end := "{ "+word+": [ ", " ] }"
	if word == "not" {
		open, end = "{ not: ", " }"
	}
	return rule1("name: r\naction: network\neffect: DENY\nconditions: " +
		strings.Repeat(open, levels) + "{ port: { equals: 1 } }" + strings.Repeat(end, levels))
}

// stairs is text in which each line stands one column to the right of the one before.
func stairs(lines int) string {
	var b strings.Builder
	for i := range lines {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// hostile texts and what they are told; "" is no error at all.
var hostile = []struct {
	name string
	text func() string
	want string
}{
	{"billion laughs", laughs, "f.yaml:2:5: anchor &l0 (write the value out where it is used)"},
	{"alias to itself", func() string { return "agent: a\nrules: &r [*r]\n" }, "anchor"},
	{"merge keys", func() string { return "agent: a\nrules:\n  - <<: { name: r }\n" }, "merge key <<"},
	{"100 MiB scalar", func() string { return "agent: " + strings.Repeat("x", 100<<20) }, "f.yaml:1:1: the file is larger than 8388608 bytes"},
	{"scalar that fits", func() string { return "agent: " + fillFile("x", 0) + "\nrules: []\n" }, "is not an identity"},
	{"quoted scalar that fits", func() string { return "rules: []\nagent: \"" + fillFile("\\x41", 0) + "\"" }, "is not an identity"},
	{"deep lists", func() string { return "agent: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) }, "nested deeper than 48 levels"},
	{"deeper than YAML goes", func() string { return "agent: " + fillFile("[", 1) }, "exceeded max depth"},
	{"deep mappings", func() string { return fillFile("{", 1) }, "exceeded max depth"},
	{"deep dashes", func() string { return fillFile("- ", 1) }, "exceeded max depth"},
	{"deep questions", func() string { return fillFile("? ", 1) }, "exceeded max depth"},
	{"deep indentation", func() string { return stairs(3500) }, "nested deeper than 48 levels"},
	{"any at its deepest", func() string { return nested("any", maxNesting) }, ""},
	{"any too deep", func() string { return nested("any", maxNesting+1) }, "any, all and not are nested deeper than 16 levels (write several rules)"},
	{"all too deep", func() string { return nested("all", maxNesting+1) }, "any, all and not are nested deeper than 16 levels"},
	{"not too deep", func() string { return nested("not", maxNesting+1) }, "f.yaml:6:131: any, all and not are nested deeper than 16 levels"},
	{"not much too deep", func() string { return nested("not", 9000) }, "nested deeper than 48 levels"},
	{"duplicate keys", func() string { return fillFile("a: b\n", 2) }, `the policy has no field "a"`},
	{"duplicate keys in a condition", func() string { return pathRule("equals", "/a, equals: /b") }, `f.yaml:6:39: path has "equals" twice, first at 6:27`},
	{"different keys", func() string {
		var b strings.Builder
		for i := range maxMarks/2 - 10 {
			fmt.Fprintf(&b, "a%d: b\n", i)
		}
		return b.String()
	}, `f.yaml:1:1: the policy has no field "a0"`},
	{"tabs", func() string { return "agent: a\nrules:\n" + fillFile("\t", 0) }, "f.yaml:3:1: not valid YAML: found character that cannot start any token (indent with blanks, not with tabs)"},
	{"tab inside of text", func() string { return "agent: a\nrules: []\n# a\tb\n" }, ""},
	{"byte order mark", func() string { return "\ufeffagent: a\nrules: []\n" }, ""},
	{"byte order mark inside", func() string { return "agent: a\n\ufeffrules: []\n" }, "f.yaml:2:1: character U+FEFF is not seen as YAML reads it"},
	{"UTF-16", func() string { return "\xff\xfea\x00" }, "f.yaml:1:1: byte 0xff is not text"},
	{"CRLF", func() string {
		return "agent: a\r\nrules:\r\n  - name: r\r\n    action: network\r\n    effect: DENY\r\n"
	}, ""},
	{"CR alone", func() string { return "agent: a\nrules: []\n# comment\rmode: observe\n" }, "f.yaml:3:10: character U+000D is not seen"},
	{"line separator ends a comment", func() string { return "agent: a\n# comment\u2028mode: observe\nrules: []\n" }, "f.yaml:2:10: character U+2028 is not seen"},
	{"next line ends a comment", func() string { return "agent: a\n# comment\u0085mode: observe\nrules: []\n" }, "character U+0085 is not seen"},
	{"text turned round", func() string { return "agent: a\nrules: [] # \u202e\n" }, "f.yaml:2:13: character U+202E is not seen"},
	{"escape sequence", func() string { return "agent: a\nrules: [] # \x1b[2J\n" }, "f.yaml:2:13: character U+001B is not seen"},
	{"NUL in text", func() string { return "agent: a\nrules: []\n# \x00\n" }, "f.yaml:3:3: byte 0x00 is not text"},
	{"invalid UTF-8", func() string { return "agent: a\nrules: [] # ä\xc3\x28\n" }, "f.yaml:2:14: byte 0xc3 is not text"},
	{"surrogate", func() string { return "agent: \xed\xa0\x80\nrules: []\n" }, "byte 0xed is not text"},
	{"very long key", func() string { return fillFile("x", 0) + ": a\n" }, "not valid YAML"},
	{"very long explicit key", func() string { return "agent: a\nrules: []\n? " + fillFile("x", 0) + "\n: a\n" }, `f.yaml:3:3: the policy has no field "xxxx`},
	{"very long tag", func() string { return "agent: !<" + fillFile("x", 0) + "> a" }, "f.yaml:1:8: tag xxx"},
	{"list of a million", func() string { return pathRule("equals", "["+strings.Repeat("/a,", 1e6)+"]") },
		"f.yaml:1:1: the file has 1000018 marks of YAML"},
	{"list of a million lines", func() string {
		return "agent: a\nrules:\n- name: r\n  action: file_read\n  effect: DENY\n  conditions:\n    path:\n      in:\n" + strings.Repeat("      - /\n", 1e6)[:maxFile-200]
	}, "marks of YAML"},
	{"list longer than conditions", func() string { return pathRule("equals", "["+strings.Repeat("/a,", maxConditions+1)+"]") },
		"a policy has more than 100000 conditions"},
	{"list of faults", func() string { return pathRule("equals", "["+fillFile("a,", 1)[:700_000]+"a]") }, `f.yaml:6:36: path "a" is not absolute`},
	{"list of nothing", func() string { return "agent: a\nrules:\n" + fillFile("-\n", 2) }, "f.yaml:3:2: a rule must be a mapping, not nothing"},
	{"mapping of nothing", func() string { return "rules: []\nagent: {" + fillFile("a,", 1) + "}" }, "agent must be a string, not a mapping"},
	{"many documents", func() string { return fillFile("---\n", 1) }, "marks of YAML"},
	{"many comments", func() string { return "agent: a\nrules:\n" + fillFile("  - a # x\n", 2) }, "a rule must be a mapping"},
	{"many anchors", func() string { return "agent: [" + fillFile("&a b,", 1) + "]" }, "anchor &a"},
	{"quotes", func() string { return "agent: " + fillFile(`"" `, 0) }, "not valid YAML"},
}

func TestHostileText(t *testing.T) {
	for _, tc := range hostile {
		t.Run(tc.name, func(t *testing.T) {
			data := []byte(tc.text())
			var p *Policy
			var err error
			bounded(t, hostileBytes, func() { p, err = Parse("f.yaml", data) })
			if tc.want == "" {
				if err != nil || p == nil {
					t.Fatalf("is refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got  %v\nwant %s", err, tc.want)
			}
			checkFaults(t, err)
		})
	}
}

// TestHostileSizeIsRefusedUnread holds the bound on size to coming before everything else.
func TestHostileSizeIsRefusedUnread(t *testing.T) {
	data := make([]byte, 100<<20)
	bounded(t, 1<<20, func() {
		if _, err := Parse("f.yaml", data); err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("got %v", err)
		}
	})
}

// TestHostileFile loads, and includes, a file of 100 MiB.
func TestHostileFile(t *testing.T) {
	dir := fill(t, map[string]string{"a.yaml": "agent: a\nrules: [ { include: big.txt } ]\n"})
	big := filepath.Join(dir, "big.txt")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("agent: "); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(100<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{big, filepath.Join(dir, "a.yaml")} {
		bounded(t, 64<<20, func() {
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), big+":1:1: the file is larger than") {
				t.Errorf("loading %s: %v", path, err)
			}
		})
	}
}

// TestParseTenThousandRules holds the bounds to leaving room for what people may really write.
func TestParseTenThousandRules(t *testing.T) {
	const rules = 10_000
	var b strings.Builder
	b.WriteString("agent: a\nrules:\n")
	for i := range rules {
		fmt.Fprintf(&b, "  - name: allow-service-%d\n    description: Team %d keeps its files there.\n    action: file_read\n    effect: ALLOW\n"+
			"    conditions:\n      path:\n        starts_with: [/srv/data/team-%d/service, /srv/shared/%d]\n        not_equals: /srv/data/team-%d/service/key.pem\n", i, i, i, i, i)
	}
	t.Logf("%d rules are %d bytes", rules, b.Len())
	bounded(t, hostileBytes, func() {
		p, err := Parse("f.yaml", []byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Rules) != rules || len(p.Rules[rules-1].When.Conditions()) != 3 {
			t.Errorf("got %d rules", len(p.Rules))
		}
	})
}
