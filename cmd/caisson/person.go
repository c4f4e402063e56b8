// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"caisson/daemon/api"
)

// userName is who somebody is, in one word.
func userName(p api.Person) string {
	if p.User == "" {
		return fmt.Sprintf("uid-%d", p.UID)
	}
	return p.User
}

// userNames are several, with commas between them.
func userNames(list []api.Person) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = userName(p)
	}
	return strings.Join(names, ", ")
}

// whereFrom is all that is known of who has answered.
func whereFrom(p api.Person) string {
	text := fmt.Sprintf("%s (uid %d, pid %d", userName(p), p.UID, p.PID)
	if p.TTY != "" {
		text += ", " + p.TTY
	}
	return text + ")"
}
