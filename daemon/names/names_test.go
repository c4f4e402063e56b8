// SPDX-License-Identifier: Apache-2.0

package names

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// answers is a resolver whose answers the test changes.
type answers map[string][]string

func (a answers) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	texts, ok := a[host]
	if !ok {
		return nil, errors.New("no such host")
	}
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

func TestCache(t *testing.T) {
	tests := []struct {
		name          string
		before, after answers
		want          string // addresses after the refresh
		changed       bool
		problem       string
	}{
		{"same", answers{"h": {"192.0.2.1"}}, answers{"h": {"192.0.2.1"}}, "192.0.2.1", false, ""},
		{"other order", answers{"h": {"192.0.2.2", "192.0.2.1"}}, answers{"h": {"192.0.2.1", "192.0.2.2"}}, "192.0.2.1 192.0.2.2", false, ""},
		{"mapped and twice", answers{"h": {"192.0.2.1"}}, answers{"h": {"::ffff:192.0.2.1", "192.0.2.1"}}, "192.0.2.1", false, ""},
		{"changed", answers{"h": {"192.0.2.1"}}, answers{"h": {"2001:db8::1"}}, "2001:db8::1", true, ""},
		{"fails", answers{"h": {"192.0.2.1"}}, answers{}, "192.0.2.1", false, "stay in force"},
		{"empty answer", answers{"h": {"192.0.2.1"}}, answers{"h": nil}, "192.0.2.1", false, "no addresses"},
		{"never resolved", answers{}, answers{}, "", false, "cannot match"},
		{"resolved later", answers{}, answers{"h": {"192.0.2.1"}}, "192.0.2.1", true, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			now := tc.before
			c := New(func(ctx context.Context, host string) ([]netip.Addr, error) { return now.lookup(ctx, host) })
			c.Addresses("h")

			now = tc.after
			if changed := c.Refresh(context.Background()); slices.Contains(changed, "h") != tc.changed {
				t.Errorf("changed %v", changed)
			}
			var got []string
			for _, a := range c.Addresses("h") {
				got = append(got, a.String())
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("addresses %q, want %q", s, tc.want)
			}
			if p := strings.Join(c.Problems(), "\n"); !strings.Contains(p, tc.problem) || tc.problem == "" && p != "" {
				t.Errorf("problems %q, want %q", p, tc.problem)
			}
		})
	}
}

func TestKeepAndBound(t *testing.T) {
	var many []netip.Addr
	for a := netip.MustParseAddr("10.0.0.0"); len(many) < 500; a = a.Next() {
		many = append(many, a)
	}
	asked := 0
	c := New(func(context.Context, string) ([]netip.Addr, error) { asked++; return many, nil })

	if n := len(c.Addresses("a")); n != MaxAddresses {
		t.Errorf("%d addresses kept", n)
	}
	c.Addresses("a")
	c.Addresses("b")
	if asked != 2 {
		t.Errorf("asked %d times for 2 names", asked)
	}
	c.Keep([]string{"b"})
	if c.Refresh(context.Background()); asked != 3 {
		t.Errorf("asked %d times: a forgotten name is still looked up", asked)
	}
}
