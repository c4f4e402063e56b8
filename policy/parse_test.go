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
	{"ends with a slash", pathRule("ends_with", "a/"), `f.yaml:6:39: no location ends with "/"`},
	{"ends with dot-dot", pathRule("ends_with", "/.."), `no location can match "/.."`},
	{"contains two slashes", pathRule("contains", "a//b"), `no location can match "a//b"`},
	{"contains dot-dot", pathRule("contains", "a/../b"), `no location can match "a/../b"`},
	{"contains a star", pathRule("contains", "a*b"), `f.yaml:6:38: "*" has no meaning in contains`},
	{"contains a long name", pathRule("contains", strings.Repeat("n", 256)), "256 bytes long, more than 255"},
	{"open group", pathRule("regex", "'/a(b'"), "missing closing ): \"/a(b\" (the syntax is RE2's"},
	{"group that closes another", pathRule("regex", "'a)|(b'"), "unexpected )"},
	{"backreference", pathRule("regex", "'(a)\\1'"), "invalid escape sequence"},
	{"long regex", pathRule("regex", strings.Repeat("a", 1025)), "the expression is 1025 bytes long, more than 1024"},
	{"huge regex", pathRule("regex", "'((a{1000}){1000}){1000}'"), "invalid repeat count"},
	{"pipe in contains", commandRule("contains", "a | b"), `"|" in column 3`},
	{"long word in contains", commandRule("contains", strings.Repeat("a", 256)), "a word of the command is 256 bytes long"},
	{"command regex", commandRule("regex", "'*'"), "missing argument to repetition operator"},
	{"abstract socket without name", netRuleText("path: { equals: '@' }"), `"@" names no abstract socket`},
	{"long abstract socket", netRuleText("path: { equals: '@" + strings.Repeat("a", 108) + "' }"), "108 bytes long, more than 107"},
	{"abstract socket by its start", netRuleText("path: { starts_with: '@a' }"), "an abstract socket has one name"},
	{"abstract socket with a star", netRuleText("path: { equals: '@a*' }"), `"*" has no meaning in equals`},
	{"abstract file", pathRule("equals", "'@a'"), `path "@a" is not absolute`},
	{"unknown protocol", netRuleText("protocol: { equals: icmp }"), `no agent can use protocol "icmp" (use tcp, udp or unix; did you mean tcp?)`},
	{"protocol in capitals", netRuleText("protocol: { equals: TCP }"), `did you mean tcp?`},
	{"protocol pattern", netRuleText("protocol: { glob: t* }"), `protocol has no field "glob" (known are equals, not_equals, in, not_in)`},
	{"host in capitals", netRuleText("host: { ends_with: .Example.com }"), "host names are compared in lower case (write .example.com)"},
	{"host with half a label", netRuleText("host: { ends_with: -x.com }"), "is not made of labels"},
	{"host with an empty label", netRuleText("host: { glob: '*..com' }"), "a label of \"*..com\" is empty"},
	{"host with a slash", netRuleText("host: { contains: a/b }"), `"/" cannot be in a host name`},
	{"host with stars", netRuleText("host: { glob: 'a**.com' }"), "write **.example.com for any number of labels"},
	{"URL pattern with a path", netRuleText("url: { glob: 'https://h.example/*' }"), "a kernel cannot see a URL path"},
	{"part of a URL path", netRuleText("url: { contains: /v1 }"), "a kernel cannot see a URL path"},
	{"URL pattern without scheme", netRuleText("url: { glob: '*.example.com' }"), "is no pattern of origins (write scheme://host"},
	{"URL pattern without port", netRuleText("url: { glob: 'https://h:' }"), "is no pattern of origins"},
	{"port 0", netRuleText("port: { equals: 0 }"), `port "0" is not a port`},
	{"port range backwards", netRuleText("port: { equals: 20-10 }"), `the range of ports "20-10" is empty (write "10-20")`},
	{"port range without an end", netRuleText("port: { equals: 20- }"), `port "" is not a port (a range is written "1024-65535")`},
	{"port too large", netRuleText("port: { equals: 65536 }"), `port "65536" is not a port`},
	{"port in hex", netRuleText("port: { equals: 0x50 }"), `port "0x50" is not a port`},
}

// asked is a policy with one rule that asks.
func asked(field string) string {
	return rule1("name: r\naction: network\neffect: REQUIRE_APPROVAL\n" + field)
}

// badFields are faults of the keys that a policy or a rule may have.
var badFields = []struct{ name, text, want string }{
	{"unknown mode", "agent: a\nmode: observ\nrules: []\n", `f.yaml:2:7: unknown mode "observ" (use enforce or observe; did you mean observe?)`},
	{"mode is a boolean", "agent: a\nmode: true\nrules: []\n", "mode must be a string, not a boolean"},
	{"unknown baseline", "agent: a\nbaseline: all\nrules: []\n", `f.yaml:2:11: unknown baseline "all" (use runtime or none)`},
	{"defaults that allow", "agent: a\ndefaults: { effect: ALLOW }\nrules: []\n",
		`f.yaml:2:21: the default effect is DENY, not "ALLOW" (defaults never loosens deny: write a rule)`},
	{"defaults without effect", "agent: a\ndefaults: {}\nrules: []\n", "f.yaml:2:11: defaults has no effect"},
	{"defaults with more", "agent: a\ndefaults: { effect: DENY, action: x }\nrules: []\n", `defaults has no field "action" (known are effect)`},
	{"description that is a list", "agent: a\ndescription: [x]\nrules: []\n", "description must be a string, not a list"},
	{"description with an escape", "agent: a\ndescription: \"\\e[31m\"\nrules: []\n", "the description is too long, or not text"},
	{"long description", "agent: a\ndescription: " + strings.Repeat("x", 4097) + "\nrules: []\n", "the description is too long, or not text"},
	{"descendants of a file", rule1("name: r\naction: file_read\neffect: ALLOW\ndescendants: allow"),
		"f.yaml:6:18: descendants belongs to rules with action shell_exec and effect ALLOW (remove it)"},
	{"descendants of a denial", rule1("name: r\naction: shell_exec\neffect: DENY\ndescendants: allow"), "descendants belongs to"},
	{"descendants deny", rule1("name: r\naction: shell_exec\neffect: ALLOW\ndescendants: deny"), `unknown descendants "deny" (use allow)`},
	{"message of an ALLOW", rule1("name: r\naction: network\neffect: ALLOW\nmessage: x"),
		"f.yaml:6:14: message belongs to rules with effect REQUIRE_APPROVAL (remove it)"},
	{"message of two lines", asked("message: \"a\\nb\""), "f.yaml:6:14: the message is too long, or not text (use at most 500 bytes"},
	{"timeout without unit", asked("timeout: \"90\""), `f.yaml:6:14: "90" is no time to wait (write 1s to 24h, as 90s or 10m)`},
	{"timeout too short", asked("timeout: 999ms"), `"999ms" is no time to wait`},
	{"timeout too long", asked("timeout: 24h1s"), `"24h1s" is no time to wait`},
	{"approvers a name", asked("approvers: wheel"), "f.yaml:6:16: approvers must be a list of groups, not a string (write a list, as [wheel, oncall])"},
	{"approvers empty", asked("approvers: []"), "approvers must be a list of groups"},
	{"approver no group", asked("approvers: [a b]"), `"a b" is no group (use the name of a group of the host`},
	{"approver twice", asked("approvers: [ops, ops]"), "ops stands twice in approvers (remove one of them)"},
	{"quorum 0", asked("quorum: 0"), "f.yaml:6:13: quorum must be how many users must approve (write a number from 1 to 10)"},
	{"quorum a word", asked("quorum: two"), "quorum must be how many users must approve"},
	{"expires a day", rule1("name: r\naction: network\neffect: ALLOW\nexpires: 2026-12-31"),
		`f.yaml:6:14: "2026-12-31" is no RFC 3339 date (write date, time and zone, as 2026-12-31T23:59:59Z)`},
	{"expires without zone", rule1("name: r\naction: network\neffect: ALLOW\nexpires: 2026-12-31T00:00:00"), "is no RFC 3339 date"},
	{"expires at YAML's date", rule1("name: r\naction: network\neffect: ALLOW\nexpires: 2026-12-31 00:00:00 Z"), "is no RFC 3339 date"},
	{"expires a number", rule1("name: r\naction: network\neffect: ALLOW\nexpires: 2026"), "expires must be a date, not an integer"},
	{"schedule that is a mapping", scheduled("{}"), "f.yaml:6:15: schedule must be a list of windows, not a mapping"},
	{"empty schedule", scheduled("[]"), "schedule must be a list of windows"},
	{"window without until", scheduled(`[ { from: "09:00" } ]`), "f.yaml:6:17: a window has no until"},
	{"window with an hour", scheduled(`[ { from: 9, until: "10:00" } ]`), `from must be a string, not an integer (quote it: "9")`},
	{"clock with one digit", scheduled(`[ { from: "9:00", until: "10:00" } ]`), `f.yaml:6:25: from "9:00" is no time of the day (write hours and minutes in UTC, as "09:30")`},
	{"clock with seconds", scheduled(`[ { from: "09:00:00", until: "10:00" } ]`), `from "09:00:00" is no time`},
	{"clock of 60 minutes", scheduled(`[ { from: "09:60", until: "10:00" } ]`), `from "09:60" is no time`},
	{"from 24:00", scheduled(`[ { from: "24:00", until: "10:00" } ]`), `from "24:00" is no time`},
	{"until 24:01", scheduled(`[ { from: "09:00", until: "24:01" } ]`), `until "24:01" is no time of the day (write hours and minutes in UTC, as "09:30"; the end of the day is "24:00")`},
	{"negative clock", scheduled(`[ { from: "-9:00", until: "10:00" } ]`), `from "-9:00" is no time`},
	{"unknown day", scheduled(`[ { days: [mo], from: "09:00", until: "10:00" } ]`), `f.yaml:6:26: unknown day "mo" (use sun, mon, tue, wed, thu, fri or sat; did you mean mon?)`},
	{"day twice", scheduled(`[ { days: [mon, mon], from: "09:00", until: "10:00" } ]`), "mon stands twice in days"},
	{"no days", scheduled(`[ { days: [], from: "09:00", until: "10:00" } ]`), "days must be a list of days"},
	{"too many windows", scheduled("[" + strings.Repeat(`{ from: "09:00", until: "10:00" },`, 51) + "]"), "a schedule has at most 50 windows"},
	{"any that is a mapping", netRuleText("any: { port: { equals: 1 } }"), "f.yaml:6:24: any must be a list of conditions, not a mapping (write any: [ { path: { equals: … } }, … ])"},
	{"empty any", netRuleText("any: []"), "any must be a list of conditions"},
	{"empty all", netRuleText("all: []"), "all must be a list of conditions"},
	{"any of nothing", netRuleText("any: [ {} ]"), "f.yaml:6:26: any has an empty mapping, which would always hold"},
	{"not of nothing", netRuleText("not: {}"), "not has an empty mapping, which would always hold"},
	{"not of a list", netRuleText("not: [ { port: { equals: 1 } } ]"), "not must be a mapping, not a list"},
	{"fault inside of any", netRuleText("any: [ { all: [ { not: { prt: { equals: 1 } } } ] } ]"), `not has no field "prt" (known are path, command, url, host, address, port, protocol, any, all, not; did you mean port?)`},
	{"wrong field inside of not", netRuleText("not: { command: { equals: a } }"), "f.yaml:6:26: command is not a field of network"},
}

// scheduled is a rule with a schedule, whose value starts at 6:15.
func scheduled(value string) string {
	return rule1("name: r\naction: network\neffect: ALLOW\nschedule: " + value)
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
	for _, tc := range slices.Concat(badPolicies, badFields, badValues, badText) {
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
