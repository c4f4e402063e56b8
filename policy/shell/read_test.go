// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"strings"
	"testing"
)

// brief writes a part in one line: what happens, and behind a bar by way of what.
func brief(p Part) string {
	var text string
	switch p.Kind {
	case Command:
		text = "run " + strings.Join(p.Argv, "|")
		if p.Cut {
			text += "|…"
		}
		if p.Read != "" {
			text += " (reads)"
		}
	case Builtin, Function:
		text = p.Kind.String() + " " + p.Text
	case Read, Write:
		text = p.Kind.String() + " " + p.Path
	case Connect:
		text = "connect " + p.Host + " " + p.Port
		if p.UDP {
			text += " udp"
		}
	case Unknown:
		text = "unknown: " + p.Why
	}
	if p.Via != "" {
		text += " < " + p.Via
	}
	return text
}

const (
	nameUnknown = "unknown: the name of the program is only known when it runs"
	fileUnknown = "unknown: the name of the file is only known when it runs"
	relative    = "unknown: it is a relative name, and the working directory is not known"
	moved       = "unknown: it is a relative name, and the working directory is changed"
)

// TestParts says of each string what parts it has. Strings are read in the directory /w where dir says so.
func TestParts(t *testing.T) {
	for _, tc := range []struct {
		text string
		dir  string
		want []string
	}{
		// Words.
		{"npm test", "", []string{"run npm|test"}},
		{"  npm\ttest \\\n  --watch # no word", "", []string{"run npm|test|--watch"}},
		{`npm 'a b' "c d" e\ f ""`, "", []string{"run npm|a b|c d|e f|"}},
		{`npm "a\"b" 'a\"b' "a\nb"`, "", []string{`run npm|a"b|a\"b|a\nb`}},
		{`n"p"m te's't`, "", []string{"run npm|test"}},
		{`npm $'a' $'\x61'`, "", []string{"run npm|a|…"}},
		{`npm test $X more`, "", []string{"run npm|test|…"}},
		{`npm test "$X" more`, "", []string{"run npm|test|…"}},
		{`npm *.js`, "", []string{"run npm|…"}},
		{`npm '*.js' \*`, "", []string{"run npm|*.js|*"}},
		{`npm a[1] b[ ]`, "", []string{"run npm|…"}},
		{`npm {a,b}`, "", []string{"run npm|…"}},
		{`npm {a} a{b 'x{a,b}'`, "", []string{"run npm|{a}|a{b|x{a,b}"}},
		{`npm {1..3}`, "", []string{"run npm|…"}},
		{`npm ~/x`, "", []string{"run npm|…"}},
		{`npm a~ '~/x'`, "", []string{"run npm|a~|~/x"}},
		{`npm !(a)`, "", []string{"run npm|…"}},
		{`/usr/bin/../bin/npm x`, "", []string{"run /usr/bin/npm|x"}},
		{`A=1 B=$(date) npm test`, "", []string{"run npm|test", "run date"}},
		{`A=1`, "", nil},

		// Lists, pipes, groups, branches, loops.
		{"a; b && c || d & e | f |& g", "", []string{"run a", "run b", "run c", "run d", "run e", "run f", "run g"}},
		{"(a; b)", "", []string{"run a", "run b"}},
		{"{ a; b; }", "", []string{"run a", "run b"}},
		{"! a", "", []string{"run a"}},
		{"time -p a", "", []string{"run a"}},
		{"coproc a", "", []string{"run a"}},
		{"if a; then b; elif c; then d; else e; fi", "", []string{"run a", "run b", "run c", "run d", "run e"}},
		{"while a; do b; done; until c; do d; done", "", []string{"run a", "run b", "run c", "run d"}},
		{"for i in $(a); do b; done; for ((i=$(c);;)); do d; done", "", []string{"run a", "run b", "run c", "run d"}},
		{"case $(a) in $(b)) c;; *) d;; esac", "", []string{"run a", "run b", "run c", "run d"}},
		{"select x in 1; do a; done", "", []string{"run a"}},

		// Functions.
		{"f() { a; }; f x", "", []string{"run a", "function f x"}},
		{"f x; f() { a; }", "", []string{"run f|x", "run a"}},
		{"if a; then f() { b; }; fi; f", "", []string{"run a", "run b", "run f"}},
		{"f() { a; }; unset -f f; f", "", []string{"run a", "builtin unset -f f", "run f"}},
		{"f() { a; }; command f", "", []string{"run a", "builtin command f", "run f"}},
		{"f() { a; }; env f", "", []string{"run a", "run env|f", "run f < env"}},
		{"/bin/f() { a; }; /bin/f", "", []string{"run a", "run /bin/f"}},
		{"exec() { a; }; exec b", "", []string{"run a", "builtin exec b", "run b"}},
		{"f() { f; }; f", "", []string{"run f", "function f"}},

		// Substitutions.
		{"a $(b `c` $(d))", "", []string{"run a|…", "run b|…", "run c", "run d"}},
		{`a "x$(b)y"`, "", []string{"run a|…", "run b"}},
		{"a <(b) >(c)", "", []string{"run a|…", "run b", "run c"}},
		{"echo ${x:-$(a)} ${y/$(b)/$(c)} ${z:$(d)} $((1+$(e)))", "",
			[]string{"builtin echo ${x:-$(a)} ${y/$(b)/$(c)} ${z:$(d)} $((1+$(e)))", "run a", "run b", "run c", "run d", "run e"}},
		{"a <<EOF\n$(b)\nEOF\nc", "", []string{"run a", "run b", "run c"}},
		{"a <<'EOF'\n$(b)\nEOF\nc", "", []string{"run a", "run c"}},
		{"a <<<$(b)", "", []string{"run a", "run b"}},
		{"[[ -n $(a) ]]", "", []string{"run a"}},
		{"x=($(a) [$(b)]=c)", "", []string{"run a", "run b"}},
		{"echo @(x|$(a))", "", []string{"builtin echo @(x|$(a))", "unknown: a pattern of patterns with an expansion in it is not read"}},
		{"echo ${x@P}", "", []string{"builtin echo ${x@P}", "unknown: what the variable holds is expanded again"}},

		// Builtins.
		{"cd /x && echo a; test -f b; [ 1 ]; : ; true; printf x; export A=1; set -e", "", []string{"builtin cd /x", "builtin echo a",
			"builtin test -f b", "builtin [ 1 ]", "builtin :", "builtin true", "builtin printf x", "builtin export A=1", "builtin set -e"}},
		{"/bin/echo a", "", []string{"run /bin/echo|a"}},
		{"eval a", "", []string{"unknown: what eval runs is only known when it runs"}},
		{"source a", "", []string{"unknown: what the file says is only known when it runs"}},
		{". ./a", "", []string{"unknown: what the file says is only known when it runs"}},
		{"alias a=b", "", []string{"unknown: an alias changes what later words mean"}},
		{"alias", "", []string{"builtin alias"}},
		{"exec a b", "", []string{"builtin exec a b", "run a|b"}},
		{"exec -a x -c a", "", []string{"builtin exec -a x -c a", "run a"}},
		{"exec >/x", "", []string{"builtin exec", "write /x"}},
		{"exec echo", "", []string{"builtin exec echo", "run echo"}},
		{"command -v a; command a; command echo; command $x", "", []string{"builtin command -v a", "builtin command a", "run a",
			"builtin command echo", "builtin echo", "builtin command $x", "unknown: the words of command are only known when it runs"}},
		{"builtin echo a; builtin eval b; builtin ls", "", []string{"builtin builtin echo a", "builtin echo a", "builtin builtin eval b",
			"unknown: what eval runs is only known when it runs", "builtin builtin ls", `unknown: "ls" is no builtin that is known here`}},
		{"trap 'a; b' EXIT; trap - EXIT", "", []string{"builtin trap 'a; b' EXIT", "run a < trap", "run b < trap",
			"builtin trap - EXIT"}},
		{"trap \"$x\" EXIT; a", "", []string{`builtin trap "$x" EXIT`, "unknown: what the trap runs is only known when it runs",
			`unknown: PATH is changed, so it is not known which program "a" is`}},
		{"enable -n echo", "", []string{"unknown: enable changes which names are builtins"}},
		{"hash -p /x y", "", []string{"builtin hash -p /x y", "unknown: hash -p changes which program a name means"}},
		{"mapfile -C a x", "", []string{"builtin mapfile -C a x", "unknown: it runs the command that it is given"}},
		{"compgen -C a", "", []string{"builtin compgen -C a", "unknown: it runs commands to find completions"}},
		{"BASH_ENV=/x bash -c a", "", []string{"run bash|-c|a", "run a < bash -c", "unknown: the value of BASH_ENV may be run"}},
		{"test -v 'a[$(b)]'", "", []string{"builtin test -v 'a[$(b)]'", "unknown: test runs the command in the subscript"}},
		{"echo 'a[$(b)]'", "", []string{"builtin echo 'a[$(b)]'"}},
		{"[[ 'a[$(b)]' -eq 1 ]]", "", []string{"unknown: a quoted command may be run when the expression is evaluated"}},
		{"x='a[$(b)]'", "", []string{"unknown: the value is a subscript that arithmetic would run"}},

		// Names of programs that are not known.
		{"$x", "", []string{nameUnknown}},
		{"$(a) b", "", []string{nameUnknown, "run a"}},
		{`"$x" a`, "", []string{nameUnknown}},
		{"a* b", "", []string{nameUnknown}},
		{"{a,b}", "", []string{nameUnknown}},
		{"~/a", "", []string{nameUnknown}},
		{"''", "", []string{"unknown: the name of the program is empty"}},
		{"./a", "", []string{relative}},
		{"./a", "/w", []string{"run /w/a"}},
		{"../a", "/w", []string{"run /a"}},
		{"cd /x; ./a", "/w", []string{"builtin cd /x", moved}},
		{"PATH=/x a", "", []string{`unknown: PATH is changed, so it is not known which program "a" is`}},
		{"a; export PATH=/x", "", []string{`unknown: PATH is changed, so it is not known which program "a" is`, "builtin export PATH=/x"}},
		{"read PATH; /bin/a", "", []string{"builtin read PATH", "run /bin/a"}},
		{"for PATH in x; do a; done", "", []string{`unknown: PATH is changed, so it is not known which program "a" is`}},
		{": ${PATH:=x}; a", "", []string{"builtin : ${PATH:=x}", `unknown: PATH is changed, so it is not known which program "a" is`}},
		{"((PATH=1)); a", "", []string{`unknown: PATH is changed, so it is not known which program "a" is`}},
		{`printf -v PATH x; a`, "", []string{"builtin printf -v PATH x", `unknown: PATH is changed, so it is not known which program "a" is`}},
		{`read "$x"; a`, "", []string{`builtin read "$x"`, `unknown: PATH is changed, so it is not known which program "a" is`}},
		{`export "$x"; a`, "", []string{`builtin export "$x"`, `unknown: PATH is changed, so it is not known which program "a" is`}},
		{"export PATHS=1; a", "", []string{"builtin export PATHS=1", "run a"}},

		// Redirections.
		{"a </r >/w 2>>/e >|/c <>/b &>/l &>>/m", "", []string{"run a", "read /r", "write /w", "write /e", "write /c", "read /b", "write /b",
			"write /l", "write /m"}},
		{"a 2>&1 <&3 >&- 3<&1-", "", []string{"run a"}},
		{"a >&/x", "", []string{"run a", "write /x"}},
		{"a >x", "/w", []string{"run a", "write /w/x"}},
		{"a >x", "", []string{"run a", relative}},
		{"a >$x", "", []string{"run a", fileUnknown}},
		{"a >~/x", "", []string{"run a", fileUnknown}},
		{"a </dev/tcp/h.example/80 >/dev/udp/192.0.2.1/53", "", []string{"run a", "connect h.example 80", "connect 192.0.2.1 53 udp"}},
		{"a 2>/dev/stderr", "", []string{"run a", "unknown: what /dev/stderr leads to is only known when it runs"}},
		{"a < <(b)", "", []string{"run a", "run b"}},
		{"> /x", "", []string{"write /x"}},
		{"while read l; do a; done < /x", "", []string{"builtin read l", "run a", "read /x"}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			parts, err := Parse(tc.text, tc.dir)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, parts, tc.want)
		})
	}
}

func compare(t *testing.T, parts []Part, want []string) {
	t.Helper()
	var got []string
	for _, p := range parts {
		got = append(got, brief(p))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}
