// SPDX-License-Identifier: Apache-2.0

package api

// Error is the body of every answer that is not a success, and the error a client returns for it.
type Error struct {
	Message string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	// Status is the HTTP status that carried the error: 400, 403, 404, 409 or 500.
	Status int `json:"-"`
}

// Error returns the message without the hint, which the command line prints on a line of its own.
func (e *Error) Error() string { return e.Message }
