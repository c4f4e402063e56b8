// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// checkHost says whether the value of a host condition is well formed.
func checkHost(op, value string) *valueError {
	switch op {
	case opEquals:
		_, err := parseHost(value)
		return err
	case opRegex:
		return checkRegex(value)
	case opGlob:
		return checkHostGlob(value)
	}

	labels := value
	switch op {
	case opStartsWith:
		labels = strings.TrimSuffix(value, ".")
	case opEndsWith:
		labels = strings.TrimPrefix(value, ".")
	case opContains:
		return checkHostBytes(value, hostBytes)
	}
	if err := checkHostBytes(value, hostBytes); err != nil {
		return err
	}
	for label := range strings.SplitSeq(labels, ".") {
		if !validLabel(label) {
			return badValue("it goes by whole labels: example.com, or .example.com for what lies below it",
				"%q is not made of labels of a host name", value)
		}
	}
	return nil
}

const (
	hostBytes = "abcdefghijklmnopqrstuvwxyz0123456789-_.:" // ":" for addresses of IPv6
	globBytes = hostBytes + "*?[]!"
)

// checkHostBytes refuses bytes that no host name, in the form in which names are compared, can have.
func checkHostBytes(value, known string) *valueError {
	for i := range len(value) {
		switch c := value[i]; {
		case c >= 'A' && c <= 'Z':
			return badByte(i, "write "+strings.ToLower(value), "host names are compared in lower case")
		case strings.IndexByte(known, c) < 0:
			return badByte(i, "a name that is not ASCII is written in its xn-- form", "%q cannot be in a host name", value[i:i+1])
		}
	}
	return nil
}

// checkHostGlob says whether a value is a pattern of host names: "*" stays within a label, "**" is any number of labels.
func checkHostGlob(value string) *valueError {
	if err := checkHostBytes(value, globBytes); err != nil {
		return err
	}
	for label := range strings.SplitSeq(value, ".") {
		if label == "" {
			return badValue("", "a label of %q is empty", value)
		}
		if err := checkGlob(label); err != nil {
			if strings.Contains(label, "**") {
				err.hint = "write **.example.com for any number of labels, * for any bytes of one label"
			}
			return locateIn(value, label, err)
		}
	}
	return nil
}

// checkURL says whether the value of a url condition is well formed. A rule is about an origin, scheme://host[:port].
func checkURL(op, value string) *valueError {
	switch op {
	case opEquals, opStartsWith:
		_, err := parseRuleURL(value)
		return err
	case opRegex:
		return checkRegex(value)
	}
	known, behind := hostBytes+"+/[]", "/?#" // brackets are those of an IPv6 address
	if op == opGlob {
		known, behind = globBytes+"+/", "/#"
	}

	_, rest, slashes := strings.Cut(value, "//")
	if !slashes {
		rest = value
	}
	if strings.ContainsAny(rest, behind) {
		return badValue("name only scheme, host and port, as in https://api.example.com",
			"a kernel cannot see a URL path, query or fragment, so a rule cannot depend on one")
	}
	if err := checkHostBytes(value, known); err != nil {
		err.msg = strings.ReplaceAll(err.msg, "host name", "origin")
		return err
	}
	if op == opGlob {
		return checkURLGlob(value)
	}
	return nil
}

// checkURLGlob says whether a value is a pattern of origins: a scheme, a pattern of hosts, and a port if it is not the
// scheme's own.
func checkURLGlob(value string) *valueError {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok || scheme == "" || rest == "" {
		return badValue("write scheme://host or scheme://host:port, as in https://*.example.com", "%q is no pattern of origins", value)
	}
	host, port, hasPort := strings.Cut(rest, ":")
	if err := checkHostGlob(host); err != nil {
		return locateIn(value, host, err)
	}
	parts := []string{scheme}
	if hasPort {
		parts = append(parts, port)
	}
	for _, part := range parts {
		if part == "" || part == "**" {
			return badValue("* is any scheme, or any port", "%q is no pattern of origins", value)
		}
		if err := checkGlob(part); err != nil {
			return locateIn(value, part, err)
		}
	}
	return nil
}
