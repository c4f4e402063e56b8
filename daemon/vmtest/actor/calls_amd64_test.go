// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestCallsAreThoseThatWait holds the calls that the VM tests make to the list in the kernel programs.
func TestCallsAreThoseThatWait(t *testing.T) {
	source, err := os.ReadFile("../../../bpf/hold.h")
	if err != nil {
		t.Fatal(err)
	}
	var listed, made []string
	for _, m := range regexp.MustCompile(`CALL\(\d+, word\) /\* (\w+) \*/`).FindAllSubmatch(source, -1) {
		listed = append(listed, string(m[1]))
	}
	for _, c := range Calls {
		made = append(made, c.Name)
	}
	slices.Sort(listed)
	slices.Sort(made)
	if len(listed) == 0 || !slices.Equal(listed, made) {
		t.Errorf("listed %q\n  made %q", listed, made)
	}
}
