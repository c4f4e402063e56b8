// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"caisson/audit"
	"caisson/policy"
)

// foldTime is the span that one counting record covers.
const foldTime = time.Minute

// foldKey says which reads are counted together.
type foldKey struct {
	agent uint32
	run   uint64
}

// fold counts reads that only the baseline allowed.
type fold struct {
	since time.Time
	name  string
	gen   uint64
	pol   string
	rules map[string]uint64
	count uint64
}

func (r *Resolver) fold(e *event) {
	key := foldKey{e.Agent, e.Run}
	f := r.folds[key]
	if f == nil {
		f = &fold{since: r.when(e.Time), name: e.agent.name, gen: uint64(e.Generation),
			pol: e.gen.digest, rules: map[string]uint64{}}
		r.folds[key] = f
	}
	f.rules[e.rule()]++
	f.count++
}

// Tick writes the counting records whose minute is over at the given time.
func (r *Resolver) Tick(now time.Time) error {
	return r.write(func(_ foldKey, f *fold) bool { return now.Sub(f.since) >= foldTime })
}

// EndRun writes what was counted for a run and returns its decisions. The run is then forgotten.
func (r *Resolver) EndRun(cg uint64) (Counts, error) {
	err := r.write(func(k foldKey, _ *fold) bool { return k.run == cg })

	r.mu.Lock()
	defer r.mu.Unlock()
	counts := Counts{}
	if c := r.runs[cg]; c != nil {
		counts = *c
	}
	delete(r.runs, cg)
	return counts, err
}

// Flush writes everything that was counted.
func (r *Resolver) Flush() error { return r.write(func(foldKey, *fold) bool { return true }) }

// write writes and forgets the folds that are due, in order of age.
func (r *Resolver) write(due func(foldKey, *fold) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	keys := slices.SortedFunc(maps.Keys(r.folds), func(a, b foldKey) int {
		return cmp.Or(r.folds[a].since.Compare(r.folds[b].since), cmp.Compare(a.agent, b.agent), cmp.Compare(a.run, b.run))
	})
	var errs []error
	for _, k := range keys {
		f := r.folds[k]
		if !due(k, f) {
			continue
		}
		errs = append(errs, r.opt.Record(audit.Record{
			Agent: f.name, Run: r.opt.Run(k.run), Kind: audit.KindFileOpen, Op: "open",
			Action: policy.FileRead.String(), Verdict: audit.VerdictAllow, Enforced: audit.EnforcedAllow,
			Rule: "baseline", Where: "kernel", Gen: f.gen, Pol: f.pol, Cg: k.run, Count: f.count, Counts: f.rules,
			Text: "reads that only the baseline allowed, counted since " + f.since.UTC().Format(time.RFC3339),
		}))
		delete(r.folds, k)
	}
	return errors.Join(errs...)
}
