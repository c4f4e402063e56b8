// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// FuzzParse puts any text through the parser, which includes the file "inner.yaml" when it is asked to. It never panics,
// reports its faults in bounds, and says the same twice; what it accepts has a text and can be bound.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/parse/*.yaml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	more, err := filepath.Glob(seedDir + "/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(seeds, more...) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte("rules: [ { name: inner, action: network, effect: DENY } ]\n"))
	}
	for _, tc := range slices.Concat(badPolicies, badFields, badValues, badText) {
		if len(tc.text) < 4096 {
			f.Add([]byte(tc.text), []byte("x"))
		}
	}
	f.Add([]byte("agent: a\nrules: [ { include: inner.yaml } ]\n"), []byte("rules: [ { include: inner.yaml } ]\n"))

	f.Fuzz(func(t *testing.T, outer, inner []byte) {
		read := func(path string) ([]byte, error) {
			if path == "inner.yaml" {
				return inner, nil
			}
			return nil, fs.ErrNotExist
		}
		p, err := ParseWith("outer.yaml", outer, read)
		again, errAgain := ParseWith("outer.yaml", outer, read)
		if !reflect.DeepEqual(p, again) || !reflect.DeepEqual(err, errAgain) {
			t.Fatalf("first %+v, %v\nthen %+v, %v", p, err, again, errAgain)
		}
		if err != nil {
			checkFaults(t, err)
			return
		}
		for i := range p.Rules {
			if p.Rules[i].When.String() == "" {
				t.Errorf("rule %d has no text", i)
			}
		}
		bound, err := p.Bind(map[string]string{"HOME": "/home/u", "WORKSPACE": "/work/w"})
		if err != nil {
			checkFaults(t, err) // lengths can go beyond their limits
			return
		}
		for _, r := range bound.Rules {
			for _, c := range r.When.Conditions() {
				if err := checkCondition(r.Action, c); err != nil {
					t.Errorf("a bound condition is not well formed: %+v: %v", c, err)
				}
			}
		}
	})
}

// checkFaults holds an error to what is promised of it.
func checkFaults(t *testing.T, err error) {
	t.Helper()
	var faults *Faults
	if !errors.As(err, &faults) || len(faults.List) == 0 || len(faults.List) > maxErrors || len(faults.Files) == 0 {
		t.Fatalf("error is %#v", err)
	}
	for _, e := range faults.List {
		if e.Line < 1 || e.Col < 1 || e.Msg == "" || len(e.Msg) > maxText+10 || len(e.Hint) > maxText+10 {
			t.Errorf("fault is %#v", e)
		}
	}
}
