// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"slices"
	"sync"
)

// Memo is the environment as it is now: what it has been asked once it answers in the same way from then on. A policy that
// is compiled in it and settled in it later ([Settle]) means the same both times, and settling need not go to the disk. It
// is safe for concurrent use, if nobody asks the environment itself meanwhile.
func (e Env) Memo() Env {
	mu := new(sync.Mutex)
	if ask := e.LookPath; ask != nil {
		type answer struct {
			path string
			ok   bool
		}
		known := remember(mu, func(word string) (a answer) {
			a.path, a.ok = ask(word)
			return a
		})
		e.LookPath = func(word string) (string, bool) {
			a := known(word)
			return a.path, a.ok
		}
	}
	if ask := e.Locate; ask != nil {
		type answer struct {
			location, note string
			err            error
		}
		known := remember(mu, func(path string) (a answer) {
			a.location, a.note, a.err = ask(path)
			return a
		})
		e.Locate = func(path string) (string, string, error) {
			a := known(path)
			return a.location, a.note, a.err
		}
	}
	if ask := e.LookupHost; ask != nil {
		known := remember(mu, ask)
		e.LookupHost = func(host string) []netip.Addr { return slices.Clone(known(host)) }
	}
	e.Now = e.now()
	return e
}

// remember makes a function that asks only once about each text.
func remember[T any](mu *sync.Mutex, ask func(string) T) func(string) T {
	known := map[string]T{}
	return func(text string) T {
		mu.Lock()
		defer mu.Unlock()
		a, ok := known[text]
		if !ok {
			a = ask(text)
			known[text] = a
		}
		return a
	}
}
