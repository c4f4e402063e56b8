// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"time"
)

// Filter selects records. An empty field selects all; fields are ANDed.
type Filter struct {
	Agent  string
	Effect string // the verdict: ALLOW, DENY or REQUIRE_APPROVAL
	Action string
	Rule   string
	Run    string
	Kind   Kind
	Since  time.Time // at or after
	Until  time.Time // before
	Limit  int       // stop after that many records; 0: no limit
}

// matcher is a Filter made ready for many lines. The needles are what the
// writer would have written, so a line without them cannot match, and most
// lines need not be decoded.
type matcher struct {
	Filter
	needles [][]byte
}

func newMatcher(f Filter) *matcher {
	m := &matcher{Filter: f}
	for _, field := range []struct{ name, value string }{
		{"agent", f.Agent}, {"verdict", f.Effect}, {"action", f.Action},
		{"rule", f.Rule}, {"run", f.Run}, {"kind", string(f.Kind)},
	} {
		if field.value != "" {
			var e encoder
			e.str(field.name, field.value)
			m.needles = append(m.needles, e.b)
		}
	}
	return m
}

// match decodes line if it is selected. The line's hash is known to be good.
func (m *matcher) match(line []byte) (Record, bool, error) {
	for _, n := range m.needles {
		if !bytes.Contains(line, n) {
			return Record{}, false, nil
		}
	}
	r, err := decode(line)
	if err != nil {
		return r, false, err
	}
	return r, m.selects(&r), nil
}

func (m *matcher) selects(r *Record) bool {
	is := func(want, have string) bool { return want == "" || want == have }

	return is(m.Agent, r.Agent) && is(m.Effect, r.Verdict) && is(m.Action, r.Action) &&
		is(m.Rule, r.Rule) && is(m.Run, r.Run) && is(string(m.Kind), string(r.Kind)) &&
		(m.Since.IsZero() || !r.T.Before(m.Since)) && (m.Until.IsZero() || r.T.Before(m.Until))
}
