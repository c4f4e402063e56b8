// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// found is which verdicts an exploration finds, and whether a subject is known for each.
func found(t *testing.T, e *Exploration, want func(*Place)) {
	t.Helper()
	if !e.Each(func(p *Place) bool {
		if p.Real {
			want(p)
		}
		return true
	}) {
		t.Fatal("the exploration is not complete")
	}
}

func TestClasses(t *testing.T) {
	cases := []struct {
		name     string
		patterns string
		sort     nameSort
		taken    string
		want     string
	}{
		{"no pattern", "", sortFiles, "", "0:x"},
		{"taken names are avoided", "", sortFiles, "x y z", "0:xx"},
		{"star", "a*", sortFiles, "", "0:x 1:a"},
		{"taken names of a pattern", "a*", sortFiles, "a ax", "0:x 1:ay"},
		{"both", "a* *b", sortFiles, "", "0:x 1:a 2:b 3:ab"},
		{"one implies the other", "a* ab*", sortFiles, "", "0:x 1:a 3:ab"},
		{"never together", "a* b*", sortFiles, "", "0:x 1:a 2:b"},
		{"middles in order", "*ab*c*", sortFiles, "", "0:x 1:abc"},
		{"prefix and suffix do not overlap", "ab*ba", sortFiles, "", "0:x 1:abba"},
		{"classes and single bytes", "? [ab]?", sortFiles, "", "1:x 0:xx 2:ax"},
		{"everything", "*", sortFiles, "", "1:x"},
		{"dots are no names", "*.* ? ??", sortFiles, "", "2:x 4:xx 5:x. 0:xxx 1:xx."},
		{"a class may be empty once names are taken", "[a]", sortFiles, "a", "0:x 1:?"},
		{"words have slashes", "*/*", sortWords, "", "0:x 1:/"},
		{"file names do not", "*/*", sortFiles, "", "0:x"},
		{"abstract names", "*.x @/a*", sortAbstract, "", "0:@/x 2:@/a 1:@/.x 3:@/a.x"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var nfas []*nameNFA
			for _, p := range strings.Fields(tc.patterns) {
				nfas = append(nfas, newNameNFA(p))
			}
			list, complete := classesOf(nfas, tc.sort, nil, 0)
			var got []string
			for _, c := range avoiding(list, nfas, tc.sort, strings.Fields(tc.taken)) {
				name := c.Name
				if !c.Real {
					name = "?"
				}
				got = append(got, fmt.Sprintf("%d:%s", c.Mask, name))
			}
			if s := strings.Join(got, " "); s != tc.want || !complete {
				t.Errorf("got %s, want %s", s, tc.want)
			}
		})
	}
}

// TestEntangledPatternsAreGuessed makes the search for classes give up: what it then takes for possible must hold all that is.
func TestEntangledPatternsAreGuessed(t *testing.T) {
	var lines []string
	for i := range 8 {
		c := string(rune('a' + i))
		lines = append(lines, "ALLOW glob /*"+strings.Repeat(c+"q", 14))
	}
	m := compiled(t, filePolicy(t, lines...), Env{})
	g, err := NewGlob(WriteKind, Env{}, "/*[ab]???????????????????????????")
	if err != nil {
		t.Fatal(err)
	}
	unreal := 0
	e := &Exploration{Kind: WriteKind, Sides: []Side{{NewAutomaton(m.Runner), WriteKind}}, Within: &Within{Glob: g}}
	got := map[int]bool{}
	if complete := e.Each(func(p *Place) bool {
		if !p.Real {
			unreal++
		}
		got[p.Verdicts[0].Rule] = true
		return true
	}); !complete {
		t.Error("guessing was not enough")
	}
	if unreal == 0 || len(got) != 9 {
		t.Errorf("%d guesses, rules %v", unreal, got)
	}
}

func TestCells(t *testing.T) {
	for _, tc := range []struct{ blocks, want string }{
		{"", "0.0.0.1 ::1"},
		{"10.0.0.0/8", "0.0.0.1 10.0.0.1 ::1"},
		{"10.0.0.0/8 10.0.0.0/9 10.128.0.0/9", "0.0.0.1 10.0.0.1 10.128.0.1 ::1"},
		{"10.0.0.0/8 10.0.0.0/9", "0.0.0.1 10.128.0.1 10.0.0.1 ::1"},
		{"1.2.3.4 1.2.3.5 1.2.3.4/31", "0.0.0.1 1.2.3.4 1.2.3.5 ::1"},
	} {
		var blocks []netip.Prefix
		for _, b := range strings.Fields(tc.blocks) {
			p, err := ParseBlock(b)
			if err != nil {
				t.Fatal(err)
			}
			blocks = append(blocks, p)
		}
		var got []string
		for _, a := range Cells(blocks) {
			got = append(got, a.Unmap().String())
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: got %s, want %s", tc.blocks, s, tc.want)
		}
	}
}

func TestConnections(t *testing.T) {
	p, err := Parse("f", []byte(`agent: a
rules:
  - { name: lan-ssh, action: network, conditions: { address: { equals: 10.0.0.0/8 }, port: { equals: 22 } }, effect: DENY }
  - { name: lan, action: network, conditions: { address: { equals: 10.0.0.0/8 } }, effect: ALLOW }
  - { name: api, action: network, conditions: { url: { equals: "https://h.example" } }, effect: REQUIRE_APPROVAL }
`))
	if err != nil {
		t.Fatal(err)
	}
	m := compiled(t, p, genEnv)
	for kind, want := range map[Kind]string{
		TCPKind: "-1 0.0.0.1:1 0 10.0.0.1:22 1 10.0.0.1:1 2 [2001:db8::1]:443",
		UDPKind: "-1 0.0.0.1:1 0 10.0.0.1:22 1 10.0.0.1:1",
	} {
		first := map[int]string{}
		e := &Exploration{Kind: kind, Sides: []Side{{NewAutomaton(m.Runner), kind}}}
		found(t, e, func(place *Place) {
			s := place.Subject()
			if v := Reference(p, genEnv, s); v != place.Verdicts[0] {
				t.Errorf("%s port %d: %+v, want %+v", s.Addr, s.Port, place.Verdicts[0], v)
			}
			at := netip.AddrPortFrom(s.Addr, s.Port).String()
			if first[place.Verdicts[0].Rule] == "" {
				first[place.Verdicts[0].Rule] = at
			}
		})
		var got []string
		for _, rule := range []int{-1, 0, 1, 2} {
			if first[rule] != "" {
				got = append(got, fmt.Sprint(rule, " ", first[rule]))
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %s, want %s", kind, s, want)
		}
	}
}
