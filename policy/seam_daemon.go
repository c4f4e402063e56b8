// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

func (p *Policy) Bind(vars map[string]string) (*Policy, error) { return p, nil }
func (p *Policy) NextChange(t time.Time) time.Time              { return time.Time{} }
func (r *Rule) Active(t time.Time) bool                         { return true }

// Faults is a stand-in until w-lang is merged.
type Faults struct {
	Files []string
	List  []*Error
}

func (f *Faults) Error() string { return "" }
