// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// compareVersions orders two Debian version strings the way dpkg does:
// negative if a is older than b, positive if newer, zero if equal. Epochs are
// not treated specially, because kernel packages have none.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var restA, restB string

		restA, a = splitRun(a, false)
		restB, b = splitRun(b, false)
		if c := compareText(restA, restB); c != 0 {
			return c
		}

		restA, a = splitRun(a, true)
		restB, b = splitRun(b, true)
		if c := compareNumber(restA, restB); c != 0 {
			return c
		}
	}
	return 0
}

// splitRun cuts the longest prefix of s that consists of digits (or, with
// digits false, of anything else).
func splitRun(s string, digits bool) (run, rest string) {
	for i := range len(s) {
		if isDigit(s[i]) != digits {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// compareText orders the non-numeric parts: a tilde sorts before everything,
// even before the end of the string, and letters sort before other characters.
func compareText(a, b string) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		if d := textOrder(a, i) - textOrder(b, i); d != 0 {
			return d
		}
	}
	return 0
}

func textOrder(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'a' && s[i] <= 'z', s[i] >= 'A' && s[i] <= 'Z':
		return int(s[i])
	default:
		return int(s[i]) + 256
	}
}

// compareNumber orders two runs of digits of any length by value.
func compareNumber(a, b string) int {
	a = strings.TrimLeft(a, "0")
	b = strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
