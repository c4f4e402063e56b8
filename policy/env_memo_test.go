// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestMemo(t *testing.T) {
	asked := 0
	next := func() netip.Addr {
		asked++
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(asked)})
	}
	e := Env{
		LookPath:   func(w string) (string, bool) { return "/" + w + next().String(), true },
		Locate:     func(p string) (string, string, error) { return p + next().String(), "note", errors.New("no") },
		LookupHost: func(string) []netip.Addr { return []netip.Addr{next()} },
	}.Memo()
	for range 3 {
		if p, ok := e.LookPath("npm"); p != "/npm192.0.2.1" || !ok {
			t.Errorf("program %q, %t", p, ok)
		}
		if l, note, err := e.Locate("/x"); l != "/x192.0.2.2" || note != "note" || err == nil {
			t.Errorf("location %q, %q, %v", l, note, err)
		}
		a := e.LookupHost("h.example")
		if len(a) != 1 || a[0].String() != "192.0.2.3" {
			t.Errorf("addresses %v", a)
		}
		a[0] = netip.Addr{} // the caller's own
	}
	if p, _ := e.LookPath("git"); p != "/git192.0.2.4" || asked != 4 {
		t.Errorf("another word: %q after %d questions", p, asked)
	}
	if d := time.Since(e.Now); d < 0 || d > time.Minute {
		t.Errorf("its time is %v", e.Now)
	}
	if none := (Env{}).Memo(); none.LookPath != nil || none.Locate != nil || none.LookupHost != nil {
		t.Error("a lexical environment has become another")
	}
}
