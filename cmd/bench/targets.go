// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// target is a bound on a measurement: cost <= factor * that of base + plus.
type target struct {
	text   string
	who    string
	what   string
	base   string
	factor float64
	plus   func(*report) float64
	known  map[string]float64 // by kernel series: missed there so far, and by no more than this factor
}

func nothing(*report) float64              { return 0 }
func plus(n float64) func(*report) float64 { return func(*report) float64 { return n } }

// targets are what `make bench-check` holds the programs to.
var targets = []target{
	{"an agent's open costs at most 1.25 times an unconfined one", whoFew, "open", whoBare, 1.25, nothing, nil},
	// On 6.1 it is at its bound: from boot to boot, how the maps' hashes fall moves it by some 100 instructions either way.
	{"caisson adds no more to an open than Landlock does", whoFew, "open", whoLandlock, 1, nothing, map[string]float64{"6.1": 1.01}},
	{"an open under 10,000 rules costs at most 1.1 times one under 10", whoMany, "open", whoFew, 1.1, nothing, nil},
	{"a process that is no agent pays at most 130 instructions more than for an empty program", whoOutsider, "open", whoFloor, 1, plus(130), nil},
	// So is this there; an exec repeats to about half a percent, since what is paged in differs from process to process.
	{"an agent's exec costs at most 1.03 times an unconfined one", whoFew, "exec", whoBare, 1.03, nothing, map[string]float64{"6.1": 1.01}},
	{"an agent's connect costs at most 1.10 times an unconfined one", whoFew, "connect", whoBare, 1.10, nothing, nil},
	{"an exec under 10,000 rules costs at most 1.1 times one under 10", whoMany, "exec", whoFew, 1.1, nothing, nil},
	{"a connect under 10,000 rules costs at most 1.1 times one under 10", whoMany, "connect", whoFew, 1.1, nothing, nil},
}

// bound is the most that the target allows.
func (t target) bound(r *report) float64 { return r.of(t.base, t.what)*t.factor + t.plus(r) }

// met reports whether it was measured and kept.
func (t target) met(r *report) bool {
	cost := r.of(t.who, t.what)
	return cost > 0 && r.of(t.base, t.what) > 0 && cost <= t.bound(r)
}

// missed says whether a target that is not met is one that is known to be missed, by no more than is known.
func (t target) missed(r *report) string {
	for series, factor := range t.known {
		if strings.HasPrefix(r.Kernel, series+".") && r.of(t.who, t.what) <= factor*t.bound(r) {
			return wordKnown
		}
	}
	return wordMissed
}

// What became of a target.
const (
	wordKept   = "kept"
	wordKnown  = "missed, as known"
	wordMissed = "MISSED"
)

// word says what became of the target.
func (t target) word(r *report) string {
	if t.met(r) {
		return wordKept
	}
	return t.missed(r)
}

// isTarget reports whether a target needs the measurement.
func isTarget(who, what string) bool {
	for _, t := range targets {
		if t.what == what && (t.who == who || t.base == who) {
			return true
		}
	}
	return false
}

// check prints each target and fails if one is missed.
func check(reports []report, out io.Writer) error {
	var missed []error
	for i := range reports {
		r := &reports[i]
		for _, t := range targets {
			word := t.word(r)
			if word == wordMissed {
				missed = append(missed, fmt.Errorf("kernel %s: missed: %s", r.Kernel, t.text))
			}
			fmt.Fprintf(out, "%-22s %-16s %8.0f <= %8.0f  %s\n", r.Kernel, word, r.of(t.who, t.what), t.bound(r), t.text)
		}
	}
	return errors.Join(missed...)
}
