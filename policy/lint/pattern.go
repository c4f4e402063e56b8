// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"

	"caisson/policy"
)

// broad finds permissions that exclude nothing.
func (r *run) broad() error {
	r.own(func(_ int, rule *policy.Rule) {
		if rule.Effect != policy.Allow {
			return
		}
		if rule.When == nil {
			r.add(broad, rule, rule.Pos, fmt.Sprintf("it allows every %s", rule.Action))
			return
		}
		// A broad condition beside others that hold at the same time restricts nothing and does no harm.
		for _, c := range alone(rule.When) {
			if what := covers(c); what != "" {
				r.add(broad, rule, c.Pos, fmt.Sprintf("%s %s %s covers %s", c.Field, c.Op, c.Value, what))
			}
		}
	})
	return nil
}

// alone are the conditions of which each by itself makes the expression hold.
func alone(e *policy.Expr) []policy.Condition {
	switch {
	case e.Kind == policy.Test:
		return []policy.Condition{e.Test}
	case e.Kind == policy.Any || e.Kind == policy.All && len(e.Sub) == 1:
		var out []policy.Condition
		for _, sub := range e.Sub {
			out = append(out, alone(sub)...)
		}
		return out
	}
	return nil
}

// wideValues are values that exclude nothing, by field and operator.
var wideValues = []struct {
	field, op string
	values    []string
	what      string
}{
	{"path", "starts_with", []string{"/"}, "every file"},
	{"path", "contains", []string{"/"}, "every file"},
	{"path", "regex", []string{".*", ".+", "/.*", "(?s).*", "(?s:.*)", `[\s\S]*`}, "every file"},
	{"command", "regex", []string{".*", ".+", "/.*", "(?s).*", "(?s:.*)"}, "every command"},
	{"host", "regex", []string{".*", ".+"}, "every host"},
	{"host", "glob", []string{"**"}, "every host"},
	{"host", "contains", []string{"."}, "every host with a domain"},
	{"url", "regex", []string{".*", ".+"}, "every URL"},
	{"address", "equals", []string{"0.0.0.0/0"}, "every IPv4 address"},
	{"address", "equals", []string{"::/0"}, "every address"},
	{"port", "equals", []string{"1-65535"}, "every port"},
}

// covers says what a condition covers when that is everything; "" otherwise.
func covers(c policy.Condition) string {
	for _, w := range wideValues {
		if c.Field == w.field && c.Op == w.op && slices.Contains(w.values, c.Value) {
			return w.what
		}
	}
	switch {
	case c.Op != "glob":
	case c.Field == "path" && onlyStars(c.Value):
		return "every file"
	case c.Field == "command":
		if words := strings.Fields(c.Value); len(words) > 0 && onlyStars(words[0]) {
			return "every program"
		}
	}
	return ""
}

// onlyStars says whether the names of a glob are nothing but "*" and at least one "**".
func onlyStars(glob string) bool {
	deep := false
	for name := range strings.SplitSeq(strings.Trim(glob, "/"), "/") {
		deep = deep || name == "**"
		if name != "*" && name != "**" && name != "." && name != "" {
			return false
		}
	}
	return deep
}

// deferred finds rules whose patterns the image leaves to user space, and says why.
func (r *run) deferred() error {
	why := r.image.Deferred()
	r.own(func(index int, rule *policy.Rule) {
		reason := why[index]
		if reason == "" {
			return
		}
		if c, ok := namePattern(rule); ok {
			r.add(hostPattern, rule, c.Pos, fmt.Sprintf("%s %s %s: %s", c.Field, c.Op, c.Value, hostPattern.Meaning))
			return
		}
		r.add(deferred, rule, rule.Pos, fmt.Sprintf("%s: %s", deferred.Meaning, reason))
	})
	return nil
}

// namePattern is a condition by which a rule depends on more than the addresses of one host.
func namePattern(rule *policy.Rule) (policy.Condition, bool) {
	for _, c := range rule.When.Conditions() {
		if c.Field == "host" && c.Op != "equals" || c.Field == "url" && c.Op != "equals" && c.Op != "starts_with" {
			return c, true
		}
	}
	return policy.Condition{}, false
}

// expired finds rules that have had their time.
func (r *run) expired() error {
	for i := range r.policy.Rules {
		if rule := &r.policy.Rules[i]; !rule.Expires.IsZero() && !r.now.Before(rule.Expires) {
			r.add(expired, rule, rule.Pos, fmt.Sprintf("%s (%s)", expired.Meaning, rule.Expires.UTC().Format("2006-01-02T15:04:05Z")))
		}
	}
	return nil
}
