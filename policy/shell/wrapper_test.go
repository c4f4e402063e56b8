// SPDX-License-Identifier: Apache-2.0

package shell

import "testing"

// TestWrappers says what programs start that are there to start others.
func TestWrappers(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"sudo a b", []string{"run sudo|a|b", "run a|b < sudo"}},
		{"sudo -u root -n -- A=1 a b", []string{"run sudo|-u|root|-n|--|A=1|a|b", "run a|b < sudo"}},
		{"sudo -uroot --group=x a", []string{"run sudo|-uroot|--group=x|a", "run a < sudo"}},
		{"sudo -i", []string{"run sudo|-i", "unknown: what sudo -i starts is not read"}},
		{"sudo -l", []string{"run sudo|-l"}},
		{"sudo -Z a", []string{"run sudo|-Z|a", "unknown: option -Z of sudo is not known here"}},
		{"sudo --what a", []string{"run sudo|--what|a", "unknown: option --what of sudo is not known here"}},
		{"sudo $x a", []string{"run sudo|…", "unknown: the words of sudo are only known when it runs"}},
		{"sudo -u $x a", []string{"run sudo|-u|…", "unknown: the words of sudo are only known when it runs"}},
		{`sudo -u "$x" a`, []string{"run sudo|-u|…", "run a < sudo"}},
		{"doas -u x a", []string{"run doas|-u|x|a", "run a < doas"}},
		{"/usr/bin/env -i -u X A=1 B=2 a c", []string{"run /usr/bin/env|-i|-u|X|A=1|B=2|a|c", "run a|c < env"}},
		{"env", []string{"run env"}},
		{"env - a", []string{"run env|-|a", "run a < env"}},
		{"env PATH=/x a", []string{"run env|PATH=/x|a", `unknown: PATH is changed, so it is not known which program "a" is < env`}},
		{"env -S 'a b'", []string{"run env|-S|a b", "unknown: what env -S starts is not read"}},
		{"env BASH_ENV=/x bash", []string{"run env|BASH_ENV=/x|bash", "unknown: the value of BASH_ENV may be run"}},
		{"env echo", []string{"run env|echo", "run echo < env"}},
		{"xargs -0 -n 1 a b", []string{"run xargs|-0|-n|1|a|b", "run a|b|… < xargs"}},
		{"xargs", []string{"run xargs", "run echo|… < xargs"}},
		{"xargs -I% a x% b", []string{"run xargs|-I%|a|x%|b", "run a|… < xargs"}},
		{"xargs -I {} {} b", []string{"run xargs|-I|{}|{}|b", nameUnknown + " < xargs"}},
		{"xargs sh -c 'a; b'", []string{"run xargs|sh|-c|a; b", "run sh|-c|a; b|… < xargs", "run a < xargs > sh -c", "run b < xargs > sh -c"}},
		{"timeout -k 5 10s a b", []string{"run timeout|-k|5|10s|a|b", "run a|b < timeout"}},
		{"timeout --signal=KILL 10 a", []string{"run timeout|--signal=KILL|10|a", "run a < timeout"}},
		{`timeout "$t" a`, []string{"run timeout|…", "unknown: the words of timeout are only known when it runs"}},
		{"nice -n 5 a", []string{"run nice|-n|5|a", "run a < nice"}},
		{"nice -5 a", []string{"run nice|-5|a", "run a < nice"}},
		{"nohup a &", []string{"run nohup|a", "run a < nohup"}},
		{"ionice -c2 -n 7 a", []string{"run ionice|-c2|-n|7|a", "run a < ionice"}},
		{"ionice -p 1", []string{"run ionice|-p|1"}},
		{"setsid -f a", []string{"run setsid|-f|a", "run a < setsid"}},
		{"stdbuf -oL a", []string{"run stdbuf|-oL|a", "run a < stdbuf"}},
		{"/usr/bin/time -f %e a", []string{"run /usr/bin/time|-f|%e|a", "run a < time"}},
		{"taskset -c 0 a", []string{"run taskset|-c|0|a", "run a < taskset"}},
		{"sudo env timeout 5 nice a", []string{"run sudo|env|timeout|5|nice|a", "run env|timeout|5|nice|a < sudo",
			"run timeout|5|nice|a < sudo > env", "run nice|a < sudo > env > timeout", "run a < sudo > env > timeout > nice"}},

		{"bash -c 'a; b'", []string{"run bash|-c|a; b", "run a < bash -c", "run b < bash -c"}},
		{"bash -euo pipefail -c a", []string{"run bash|-euo|pipefail|-c|a", "run a < bash -c"}},
		{"bash -lc a", []string{"run bash|-lc|a", "builtin startup files of bash, which are not read here", "run a < bash -c"}},
		{`bash -c "a $x"`, []string{"run bash|-c|… (reads)"}},
		{"bash -c $x", []string{"run bash|-c|… (reads)"}},
		{"bash -c 'a $0' x", []string{"run bash|-c|a $0|x", "run a|… < bash -c"}},
		{"bash x.sh", []string{"run bash|x.sh (reads)", relative}},
		{"bash /x.sh a", []string{"run bash|/x.sh|a (reads)", "read /x.sh"}},
		{"a | bash", []string{"run a", "run bash (reads)"}},
		{"bash -s a", []string{"run bash|-s|a (reads)"}},
		{"bash --what", []string{"run bash|--what (reads)"}},
		{"bash --version", []string{"run bash|--version (reads)"}},
		{"zsh -c a", []string{"run zsh|-c|a (reads)"}},
		{"bash -c 'a ('", []string{"run bash|-c|a (", "unknown: bash -c cannot read it: 1:1: `foo(` must be followed by `)`"}},
		{"sh -c '((a))'", []string{"run sh|-c|((a))", "run a < sh -c"}},
		{"sh -c 'a; b'", []string{"run sh|-c|a; b", "run a < sh -c", "run b < sh -c"}},
		{"sh -c 'a; x=(1)'", []string{"run sh|-c|a; x=(1)", "run a < sh -c"}},
		{`sh -c "sh -c 'a'"`, []string{"run sh|-c|sh -c 'a'", "run sh|-c|a < sh -c", "run a < sh -c > sh -c"}},
		{"watch -n 1 a b", []string{"run watch|-n|1|a|b", "run sh|-c|a b < watch", "run a|b < watch > sh -c"}},
		{"watch 'a; b'", []string{"run watch|a; b", "run sh|-c|a; b < watch", "run a < watch > sh -c", "run b < watch > sh -c"}},

		{"find . -name x", []string{"run find|.|-name|x"}},
		{`find . -exec a {} \; -execdir b {} +`, []string{`run find|.|-exec|a|{}|;|-execdir|b|{}|+`, "run a|… < find", "run b|… < find"}},
		{`find . -exec sh -c 'a "$1"' x {} \;`, []string{`run find|.|-exec|sh|-c|a "$1"|x|{}|;`, "run sh|-c|a \"$1\"|x|… < find", "run a|… < find > sh -c"}},
		{`find . -exec {} \;`, []string{"run find|.|-exec|{}|;", nameUnknown + " < find"}},
		{`find "$x" -name y`, []string{"run find|…"}},
		{`find $x`, []string{"run find|…", "unknown: the words of find are only known when it runs"}},
		{`find "$x" "$y"`, []string{"run find|…", "unknown: the words of find are only known when it runs"}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			parts, err := Parse(tc.text, "")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, parts, tc.want)
		})
	}
}

// TestArgv looks into the words of a vector as the kernel will see them: no shell stands in between.
func TestArgv(t *testing.T) {
	for _, tc := range []struct {
		argv []string
		want []string
	}{
		{[]string{"npm", "a b", "$x", ";"}, []string{"run npm|a b|$x|;"}},
		{[]string{"echo", "a"}, []string{"run echo|a"}},
		{[]string{"sudo", "cd", "/"}, []string{"run sudo|cd|/", "run cd|/ < sudo"}},
		{[]string{"bash", "-c", "a; b"}, []string{"run bash|-c|a; b", "run a < bash -c", "run b < bash -c"}},
		{[]string{""}, []string{"unknown: the name of the program is empty"}},
	} {
		compare(t, Argv(tc.argv, ""), tc.want)
	}
}
