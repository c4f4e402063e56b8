// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"strings"
	"testing"
	"time"

	"caisson/audit"
	"caisson/daemon/api"
)

var noon = time.Date(2030, 5, 6, 12, 0, 0, 0, time.UTC) // a Monday

// timed is a policy whose rule ends at noon, and another without times.
const timed = `agent: a
rules:
  - { name: brief, action: file_read, effect: ALLOW, conditions: { path: { starts_with: /brief } }, expires: 2030-05-06T12:00:00Z }
  - { name: hours, action: file_read, effect: ALLOW, conditions: { path: { starts_with: /hours } }, schedule: [ { days: [mon], from: "09:00", until: "17:00" } ] }
  - { name: always, action: file_read, effect: ALLOW, conditions: { path: { starts_with: /always } } }
`

// A rule holds at its times, to the instant, whatever the clock does.
func TestTimes(t *testing.T) {
	h := newHost(t)
	h.set(noon.Add(-time.Hour))
	h.write(t, "a.yaml", timed)
	h.write(t, "b.yaml", reads("b", "/b"))
	d := h.up(t)
	other := find(t, d.status(), "b").Generation
	if next := find(t, d.status(), "a").NextChange; next == nil || !next.Equal(noon) {
		t.Errorf("next change %v", next)
	}

	steps := []struct {
		name         string
		at           time.Time
		brief, hours bool
		changed      bool
		says         string
	}{
		{"before", noon.Add(-time.Nanosecond), true, true, false, ""},
		{"at the instant", noon, false, true, true, `rule "brief" has ended`},
		{"just after", noon.Add(time.Second), false, true, false, ""},
		{"the window closes", noon.Add(5 * time.Hour), false, false, true, `rule "hours" has ended`},
		{"the host slept for a week and a day of the window", noon.Add(7 * 24 * time.Hour), false, true, true, `rule "hours" has begun`},
		{"the clock is set back", noon.Add(-2 * time.Hour), true, true, true, `rule "brief" has begun`},
		{"the clock is set forward over several ends", noon.Add(30 * time.Hour), false, false, true, `rule "brief" has ended, rule "hours" has ended`},
	}
	for _, step := range steps {
		before := find(t, d.status(), "a").Generation
		h.set(step.at)
		if wait := d.onTime(step.at); wait <= 0 || wait > clockTime {
			t.Errorf("%s: looks again after %v", step.name, wait)
		}
		if allows(t, h, "a", "/brief/f") != step.brief || allows(t, h, "a", "/hours/f") != step.hours || !allows(t, h, "a", "/always/f") {
			t.Errorf("%s: brief %v, hours %v", step.name, allows(t, h, "a", "/brief/f"), allows(t, h, "a", "/hours/f"))
		}
		if (find(t, d.status(), "a").Generation != before) != step.changed {
			t.Errorf("%s: another image: %v", step.name, !step.changed)
		}
		if err := d.ledger.Flush(); err != nil {
			t.Fatal(err)
		}
		loads := h.records(t, audit.KindPolicyLoad)
		if last := loads[len(loads)-1]; step.changed && !strings.HasSuffix(last.Text, step.says) {
			t.Errorf("%s: the log says %q", step.name, last.Text)
		}
	}
	if find(t, d.status(), "b").Generation != other {
		t.Error("an agent without times was touched")
	}
}

// The timer itself: it wakes when a rule ends and not a second later.
func TestTimer(t *testing.T) {
	h := newHost(t)
	ends := time.Now().Add(1500 * time.Millisecond).Round(0)
	h.write(t, "a.yaml", strings.Replace(timed, "2030-05-06T12:00:00Z", ends.UTC().Format(time.RFC3339Nano), 1))
	run(t, h.options())
	if !allows(t, h, "a", "/brief/f") {
		t.Fatal("the rule is not in force")
	}
	until(t, func() bool { return !allows(t, h, "a", "/brief/f") })
	if late := time.Since(ends); late < 0 || late > 900*time.Millisecond {
		t.Errorf("ended %v after its time", late)
	}
}

// A rule that has ended does not stay in force because the policy cannot be compiled, or because there was no daemon.
func TestEndWithoutAnotherImage(t *testing.T) {
	h := newHost(t)
	h.set(noon.Add(-time.Hour))
	h.write(t, "a.yaml", timed)
	d := h.up(t)

	h.kernel.failSet = errors.New("no memory")
	h.set(noon)
	d.onTime(noon)
	if _, ok := h.kernel.image(t, "a"); ok {
		t.Error("an image whose rule has ended is still in force")
	}
	if s := d.status(); find(t, s, "a").State != api.StateDenied || len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "denied everything") {
		t.Errorf("status %+v", s)
	}
	if err := d.ledger.Flush(); err != nil {
		t.Fatal(err)
	}
	if gone := h.records(t, audit.KindPolicyRemove); len(gone) != 1 || !strings.Contains(gone[0].Text, `rule "brief" has ended`) {
		t.Errorf("records %+v", gone)
	}

	h.kernel.failSet = nil
	reloaded(t, d, "")
	if !allows(t, h, "a", "/always/f") || allows(t, h, "a", "/brief/f") {
		t.Error("not in force again after a reload")
	}
}

func TestTimesAfterRestart(t *testing.T) {
	h := newHost(t)
	h.set(noon.Add(-time.Hour))
	h.write(t, "a.yaml", timed)
	if err := h.up(t).stop(nil); err != nil {
		t.Fatal(err)
	}
	h.kernel = h.kernel.again()
	h.set(noon.Add(time.Minute))
	h.up(t)
	if allows(t, h, "a", "/brief/f") || !allows(t, h, "a", "/hours/f") {
		t.Error("what was adopted is not right")
	}
}
