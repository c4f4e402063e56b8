// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"

	"caisson/bpf/layout"
)

// Action is what an agent tries to do. The values are those of the kernel's events.
type Action uint8

// The actions of the policy language.
const (
	FileRead  Action = layout.ActionRead
	FileWrite Action = layout.ActionWrite
	ShellExec Action = layout.ActionExec
	Network   Action = layout.ActionNet
)

var actionNames = [...]string{FileRead: "file_read", FileWrite: "file_write", ShellExec: "shell_exec", Network: "network"}

// String is the action as the policy language writes it.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// MarshalText writes the action's name.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what [Action.MarshalText] wrote; any other text is an error.
func (a *Action) UnmarshalText(text []byte) error {
	v, err := ParseAction(string(text))
	*a = v
	return err
}

// ParseAction reads an action's name; an unknown one is an error that lists the known ones.
func ParseAction(s string) (Action, error) {
	for i, name := range actionNames {
		if s == name {
			return Action(i), nil
		}
	}
	return 0, fmt.Errorf("unknown action %q (use file_read, file_write, shell_exec or network)", s)
}
