// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// rule1 wraps one rule's body, whose first line starts at 3:5.
func rule1(body string) string {
	return "agent: a\nrules:\n  - " + strings.ReplaceAll(body, "\n", "\n    ") + "\n"
}

// pathRule is a good rule but for the value of its path condition, which starts at 6:20 or behind.
func pathRule(op, value string) string {
	return rule1("name: r\naction: file_read\neffect: ALLOW\nconditions: { path: { " + op + ": " + value + " } }")
}

func commandRule(op, value string) string {
	return rule1("name: r\naction: shell_exec\neffect: ALLOW\nconditions: { command: { " + op + ": " + value + " } }")
}

func netRuleText(conditions string) string {
	return rule1("name: r\naction: network\neffect: ALLOW\nconditions: { " + conditions + " }")
}

// badPolicies are faults of a file's form and of its rules.
var badPolicies = []struct{ name, text, want string }{
	{"empty", "", "f.yaml:1:1: the policy is empty (it needs agent and rules)"},
	{"only a comment", "# nothing\n", "f.yaml:1:1: the policy is empty"},
	{"two documents", "agent: a\nrules: []\n---\nagent: b\n", "f.yaml:3:1: second document"},
	{"not a mapping", "- a\n", "f.yaml:1:1: the policy must be a mapping, not a list"},
	{"unknown field", "agent: a\nrulez: []\n", `f.yaml:2:1: the policy has no field "rulez" (known are agent, description, mode, baseline, defaults, rules, tests; did you mean rules?)`},
	{"missing rules", "agent: a\n", "f.yaml:1:1: the policy has no rules"},
	{"missing agent", "rules: []\n", "f.yaml:1:1: the policy has no agent"},
	{"duplicate key", "agent: a\nagent: b\nrules: []\n", `f.yaml:2:1: the policy has "agent" twice, first at 1:1`},
	{"agent is a number", "agent: 7\nrules: []\n", `f.yaml:1:8: agent must be a string, not an integer (quote it: "7")`},
	{"agent is no identity", "agent: A b\nrules: []\n", `f.yaml:1:8: agent "A b" is not an identity`},
	{"agent too long", "agent: " + strings.Repeat("a", 64) + "\nrules: []\n", "is not an identity"},
	{"rules is nothing", "agent: a\nrules:\n", "f.yaml:2:7: rules must be a list, not nothing"},
	{"rule is a word", "agent: a\nrules: [x]\n", "f.yaml:2:9: a rule must be a mapping, not a string"},
	{"bad effect", rule1("name: r\naction: file_read\neffect: ALOW"),
		`f.yaml:5:13: unknown effect "ALOW" (use ALLOW, DENY or REQUIRE_APPROVAL; did you mean ALLOW?)`},
	{"effect in lower case", rule1("name: r\naction: file_read\neffect: allow"), `unknown effect "allow"`},
	{"effect DEFER", rule1("name: r\naction: file_read\neffect: DEFER"), `unknown effect "DEFER"`},
	{"bad action", rule1("name: r\naction: file_reed\neffect: DENY"), "f.yaml:4:13: unknown action \"file_reed\" (use file_read, file_write, shell_exec or network; did you mean file_read?)"},
	{"missing effect", rule1("name: r\naction: file_read"), "f.yaml:3:5: a rule has no effect"},
	{"duplicate rule name", "agent: a\nrules:\n  - {name: r, action: network, effect: DENY}\n  - {name: r, action: network, effect: DENY}\n",
		`f.yaml:4:12: rule name "r" is already used at f.yaml:3:12`},
	{"reserved rule name", rule1("name: baseline:x\naction: network\neffect: DENY"), "belong to the built-in rules"},
	{"empty name", rule1("name: \"\"\naction: network\neffect: DENY"), "name is an empty string"},
	{"conditions left empty", rule1("name: r\naction: network\neffect: DENY\nconditions:"), "f.yaml:6:16: conditions is empty"},
	{"condition of another action", rule1("name: r\naction: network\neffect: DENY\nconditions: { command: { equals: a } }"),
		"f.yaml:6:19: command is not a field of network (it has path, url, host, address, port, protocol)"},
	{"condition without operator", rule1("name: r\naction: file_read\neffect: DENY\nconditions: { path: /a }"),
		"path needs an operator, not a string (write path: { equals: … })"},
	{"no operator at all", rule1("name: r\naction: file_read\neffect: DENY\nconditions: { path: {} }"), "path has no operator"},
	{"unknown operator", pathRule("start_with", "/a"), `path has no field "start_with" (known are equals, not_equals, in, not_in, starts_with, ends_with, contains, glob, regex; did you mean starts_with?)`},
	{"cidr on a path", pathRule("cidr", "/a"), `path has no field "cidr"`},
	{"empty list", pathRule("equals", "[]"), "f.yaml:6:35: path equals has an empty list (write at least one value)"},
	{"list in a list", pathRule("equals", "[[/a]]"), "f.yaml:6:36: path equals must be a string, not a list"},
	{"a fault in a list", pathRule("equals", "[/a, b, c]"), `f.yaml:6:40: path "b" is not absolute`},
	{"and the next one", pathRule("equals", "[/a, b, c]"), `f.yaml:6:43: path "c" is not absolute`},
	{"in without a list", pathRule("in", "/a"), "f.yaml:6:31: path in needs a list, not a string (write in: [ … ], or equals for one value)"},
	{"not_in without a list", pathRule("not_in", "/a"), "path not_in needs a list, not a string (write not_in: [ … ], or not_equals for one value)"},
	{"value is a number", pathRule("equals", "5"), "path equals must be a string, not an integer"},
}

// badValues are faults of a condition's value.
var badValues = []struct{ name, text, want string }{
	{"relative path", pathRule("equals", "src/a"), `path "src/a" is not absolute`},
	{"dot-dot", pathRule("equals", "/a/../b"), `f.yaml:6:38: path "/a/../b" contains ".."`},
	{"star outside glob", pathRule("starts_with", "\"/a/*\""), "f.yaml:6:44: \"*\" has no meaning in starts_with"},
	{"double star inside a name", pathRule("glob", "/a/**.c"), `f.yaml:6:36: "**" stands only as a whole name`},
	{"open class", pathRule("glob", "\"/a/[b\""), `"[" is not closed`},
	{"empty class", pathRule("glob", "\"/a/[]\""), "empty class"},
	{"empty range", pathRule("glob", "\"/a/[z-a]\""), `range "z-a" is empty`},
	{"backslash in glob", pathRule("glob", `/a/\*`), "backslash has no meaning in a glob"},
	{"name too long", pathRule("equals", "/"+strings.Repeat("n", 256)), "256 bytes long, more than 255"},
	{"too many names", pathRule("equals", strings.Repeat("/n", 128)), "128 names, more than 127"},
	{"thread-self", pathRule("starts_with", "/proc/thread-self"), "write /proc/self/task/*"},
	{"pipe", commandRule("equals", "npm test | sh"), `"|" in column 10 of the command is shell syntax`},
	{"semicolon", commandRule("starts_with", "npm test; rm"), `f.yaml:6:51: ";" in column 9`},
	{"newline", commandRule("equals", `"npm\nrm"`), `"\n" in column 4`},
	{"star in command", commandRule("starts_with", "npm *"), `"*" in column 5`},
	{"relative program", commandRule("equals", "./npm test"), `program "./npm" is a relative path`},
	{"pattern as bare program", commandRule("glob", "np* test"), "a program without a path cannot be a pattern"},
	{"root as program", commandRule("equals", "/ test"), `"/" is not a program`},
	{"empty command", commandRule("equals", `"  "`), "the command is empty"},
	{"URL path", netRuleText("url: { starts_with: \"https://h.example/v1\" }"), "a kernel cannot see a URL path"},
	{"URL query", netRuleText("url: { equals: \"https://h.example?x\" }"), "a kernel cannot see a URL path"},
	{"URL user", netRuleText("url: { equals: \"https://u@h.example\" }"), "URL has user information"},
	{"unknown scheme", netRuleText("url: { equals: \"foo://h.example\" }"), `the scheme "foo" has no port of its own`},
	{"host pattern", netRuleText("host: { equals: \"*.example.com\" }"), "is not a host name"},
	{"host like an address", netRuleText("host: { equals: \"127.1\" }"), "neither a host name nor an address"},
	{"bad block", netRuleText("address: { equals: 10.0.0.0/33 }"), "no prefix length from 0 to 32"},
	{"host bits", netRuleText("address: { equals: 10.1.2.3/8 }"), "(write 10.0.0.0/8)"},
	{"quoted port", netRuleText("port: { equals: \"443\" }"), "port must be an integer, not a string"},
	{"port 0", netRuleText("port: { equals: 0 }"), `port "0" is not a port`},
	{"port range backwards", netRuleText("port: { equals: 20-10 }"), `the range of ports "20-10" is empty (write "10-20")`},
	{"port range without an end", netRuleText("port: { equals: 20- }"), `port "" is not a port (a range is written "1024-65535")`},
	{"port too large", netRuleText("port: { equals: 65536 }"), `port "65536" is not a port`},
	{"port in hex", netRuleText("port: { equals: 0x50 }"), `port "0x50" is not a port`},
}

// badText is what is not the part of YAML that the language uses.
var badText = []struct{ name, text, want string }{
	{"alias", "agent: &x a\nrules: []\n", "f.yaml:1:8: anchor &x"},
	{"merge key", "agent: a\nrules: []\n<<: {}\n", "merge key"},
	{"tag", "agent: !!str a\nrules: []\n", "tag !!str"},
	{"tab", "agent: a\nrules:\n\t- name: r\n", "f.yaml:3:1: not valid YAML"},
	{"not UTF-8", "agent: a\xff\n", "f.yaml:1:9: byte 0xff is not text"},
	{"NUL", "agent: a\x00\n", "byte 0x00 is not text"},
	{"too deep", "agent: " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\n", "nested deeper"},
	{"too large", strings.Repeat("#", maxFile+1), "larger than 8388608 bytes"},
}

func TestParseErrors(t *testing.T) {
	for _, tc := range slices.Concat(badPolicies, badValues, badText) {
		t.Run(tc.name, func(t *testing.T) {
			p, err := Parse("f.yaml", []byte(tc.text))
			if err == nil || p != nil {
				t.Fatalf("got a policy, want error %q", tc.want)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q\nwant %q", err, tc.want)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("error is not an *Error: %T", err)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	cases := []struct {
		name, text string
		rules      int
	}{
		{"no rules", "agent: a\nrules: []\n", 0},
		{"byte order mark and CRLF", "\xef\xbb\xbfagent: a\r\nrules:\r\n  - {name: r, action: network, effect: DENY}\r\n", 1},
		{"no conditions", rule1("name: r\naction: file_write\neffect: DENY"), 1},
		{"empty conditions", rule1("name: r\naction: file_write\neffect: DENY\nconditions: {}"), 1},
		{"two operators", pathRule("starts_with", "/a, glob: \"/**/*.c\""), 1},
		{"host and port", netRuleText("host: { equals: h.example }, port: { equals: 22 }"), 1},
		{"URL with slash", netRuleText("url: { equals: \"https://H.example:8443/\" }"), 1},
		{"IPv6 URL", netRuleText("url: { equals: \"https://[::1]\" }"), 1},
		{"mapped block", netRuleText("address: { equals: \"::ffff:10.0.0.0/104\" }"), 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p, err := Parse("f.yaml", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Rules) != tc.rules {
				t.Errorf("got %d rules, want %d", len(p.Rules), tc.rules)
			}
		})
	}
}

func TestParseReportsAllFaultsTogether(t *testing.T) {
	text := "agent: A\nrules:\n" + strings.Repeat("  - {}\n", 30)
	_, err := Parse("f.yaml", []byte(text))
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != maxErrors {
		t.Fatalf("got %v, want %d errors", err, maxErrors)
	}
	var e *Error
	if !errors.As(joined.Unwrap()[0], &e) || e.Line != 1 || e.Col != 8 {
		t.Errorf("first error is %v, want the agent's", joined.Unwrap()[0])
	}
}
