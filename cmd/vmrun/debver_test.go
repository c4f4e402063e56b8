// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestCompareVersions(t *testing.T) {
	for _, tc := range []struct {
		name, older, newer string
	}{
		{"number by value", "6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64"},
		{"patch level", "6.12.99+deb12-cloud-amd64", "6.12.107+deb12-cloud-amd64"},
		{"tilde before the end", "6.12.117-1~deb12u1", "6.12.117-1"},
		{"tilde before tilde tilde reversed", "1~~", "1~"},
		{"letters before symbols", "1a", "1+"},
		{"longer is newer", "6.1", "6.1.1"},
		{"leading zeros do not count", "1.009", "1.10"},
		{"more digits than an integer holds", "1.99999999999999999999", "1.100000000000000000000"},
		{"revision", "6.1.192-1", "6.1.192-2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if compareVersions(tc.older, tc.newer) >= 0 {
				t.Errorf("%q is not older than %q", tc.older, tc.newer)
			}
			if compareVersions(tc.newer, tc.older) <= 0 {
				t.Errorf("%q is not newer than %q", tc.newer, tc.older)
			}
			if compareVersions(tc.older, tc.older) != 0 {
				t.Errorf("%q differs from itself", tc.older)
			}
		})
	}
}
