// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"caisson/audit"
	"caisson/daemon/api"
)

// hinted is an error with a remedy.
type hinted struct {
	error
	hint string
}

func (h *hinted) Hint() string  { return h.hint }
func (h *hinted) Unwrap() error { return h.error }

// hintOf is the remedy for an error, "" if none is known.
func hintOf(err error) string {
	var own interface{ Hint() string }
	if errors.As(err, &own) {
		return own.Hint()
	}
	var answer *api.Error
	if errors.As(err, &answer) {
		return answer.Hint
	}
	var damage *audit.DamageError
	if errors.As(err, &damage) {
		return "caisson audit verify says what is damaged and since when"
	}
	return ""
}
