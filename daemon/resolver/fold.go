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

// Fold counts reads that only the baseline allowed, of one agent and run. It is exported, and JSON, so that what has been
// counted and not yet written outlives the daemon.
type Fold struct {
	Agent uint32            `json:"agent"`
	Cg    uint64            `json:"cg"`
	Since time.Time         `json:"since"`
	Name  string            `json:"name"`
	Gen   uint64            `json:"gen"`
	Pol   string            `json:"pol"`
	Rules map[string]uint64 `json:"rules"`
	Count uint64            `json:"count"`
}

func (r *Resolver) fold(e *event) {
	key := foldKey{e.Agent, e.Run}
	f := r.folds[key]
	if f == nil {
		f = &Fold{Agent: e.Agent, Cg: e.Run, Since: r.when(e.Time), Name: e.agent.name, Gen: uint64(e.Generation),
			Pol: e.gen.digest, Rules: map[string]uint64{}}
		r.folds[key] = f
	}
	f.Rules[e.rule()]++
	f.Count++
}

// Folds returns what has been counted and not yet written.
func (r *Resolver) Folds() []Fold {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Fold
	for _, f := range r.folds {
		kept := *f
		kept.Rules = maps.Clone(f.Rules)
		out = append(out, kept)
	}
	return out
}

// Restore takes over what another resolver had counted. It must be called before the first event.
func (r *Resolver) Restore(folds []Fold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range folds {
		if f.Rules == nil {
			f.Rules = map[string]uint64{}
		}
		r.folds[foldKey{f.Agent, f.Cg}] = &f
	}
}

// Tick writes the counting records whose minute is over at the given time.
func (r *Resolver) Tick(now time.Time) error {
	return r.write(func(_ foldKey, f *Fold) bool { return now.Sub(f.Since) >= foldTime })
}

// EndRun writes what was counted for a run and returns its decisions. The run is then forgotten.
func (r *Resolver) EndRun(cg uint64) (Counts, error) {
	err := r.write(func(k foldKey, _ *Fold) bool { return k.run == cg })

	r.mu.Lock()
	defer r.mu.Unlock()
	counts := Counts{}
	if s := r.runs[cg]; s != nil {
		counts = s.Counts
	}
	delete(r.runs, cg)
	return counts, err
}

// Flush writes everything that was counted.
func (r *Resolver) Flush() error { return r.write(func(foldKey, *Fold) bool { return true }) }

// write writes and forgets the folds that are due, in order of age.
func (r *Resolver) write(due func(foldKey, *Fold) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	keys := slices.SortedFunc(maps.Keys(r.folds), func(a, b foldKey) int {
		return cmp.Or(r.folds[a].Since.Compare(r.folds[b].Since), cmp.Compare(a.agent, b.agent), cmp.Compare(a.run, b.run))
	})
	var errs []error
	for _, k := range keys {
		f := r.folds[k]
		if !due(k, f) {
			continue
		}
		errs = append(errs, r.opt.Record(audit.Record{
			Agent: f.Name, Run: r.opt.Run(k.run), Kind: audit.KindFileOpen, Op: "open",
			Action: policy.FileRead.String(), Verdict: audit.VerdictAllow, Enforced: audit.EnforcedAllow,
			Rule: "baseline", Where: "kernel", Gen: f.Gen, Pol: f.Pol, Cg: k.run, Count: f.Count, Counts: f.Rules,
			Text: "reads that only the baseline allowed, counted since " + f.Since.UTC().Format(time.RFC3339),
		}))
		delete(r.folds, k)
	}
	return errors.Join(errs...)
}
