// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// parsePorts reads a port, or a range of ports as "1024-65535", which holds both its ends.
func parsePorts(text string) (first, last uint16, verr *valueError) {
	from, to, isRange := strings.Cut(text, "-")
	if first, verr = parsePort(from); verr != nil || !isRange {
		return first, first, verr
	}
	if last, verr = parsePort(to); verr != nil {
		verr.hint = "a range is written \"1024-65535\""
		return 0, 0, verr
	}
	if first > last {
		return 0, 0, badValue("write \""+to+"-"+from+"\"", "the range of ports %q is empty", text)
	}
	return first, last, nil
}
