// SPDX-License-Identifier: Apache-2.0

package policy

// keyword is one key of a mapping of the language. The parser accepts by these tables, its hints list them, and the schema
// for editors is made from them, so that the three cannot disagree.
type keyword struct {
	name     string
	required bool
	text     string // for people who write policies
	form     form   // what the value looks like, as JSON Schema says it
}

// topFields are the keys of a policy file.
var topFields = []keyword{
	{"agent", true, "The identity that this policy is for. One file per agent.", form{"type": "string", "pattern": agentForm.String()}},
	{"description", false, "What the policy is for, for people.", textForm(maxDescription)},
	{"mode", false, "enforce (the default): a denial is a denial. observe: everything is decided and recorded, nothing but the hard floor is refused.", enumForm("enforce", "observe")},
	{"baseline", false, "runtime (the default): what any program needs in order to start is allowed behind these rules. none: only what the rules say.", enumForm("runtime", "none")},
	{"defaults", false, "What holds where no rule matches: DENY, and nothing else can be written.", refForm("defaults")},
	{"rules", true, "Tried from top to bottom; the first that matches decides.", refForm("rules")},
	{"tests", false, "Cases that caisson policy test runs; nothing of them is enforced.", refForm("tests")},
}

// includedFields are the keys of a file that others include.
var includedFields = []keyword{
	{"description", false, "What the file is for, for people.", textForm(maxDescription)},
	{"rules", true, "They stand where the file is included.", refForm("rules")},
}

// includeFields are the keys of an item of rules that stands for another file's rules.
var includeFields = []keyword{
	{"include", true, "A file whose rules stand here, relative to the directory of this file.", form{"type": "string", "minLength": 1}},
}

var defaultsFields = []keyword{
	{"effect", true, "DENY. It is here for people to read; defaults never loosens deny.", enumForm("DENY")},
}

// ruleFields are the keys of a rule.
var ruleFields = []keyword{
	{"name", true, "Unique in the policy; it stands in answers and in the log.", textForm(maxRuleName)},
	{"description", false, "Why the rule is there, for people.", textForm(maxDescription)},
	{"action", true, "What the agent tries to do.", enumForm(actionNames[:]...)},
	{"conditions", false, "When the rule matches. All that stand side by side must hold; none: every subject of the action.", form{"type": "object"}},
	{"effect", true, "What happens when the rule matches.", enumForm("ALLOW", "DENY", "REQUIRE_APPROVAL")},
	{"descendants", false, "allow: what the program starts may run too, unless a rule denies it. Only for shell_exec with ALLOW.", enumForm("allow")},
	{"message", false, "Why it asks, for who answers and for the agent. This and the next three only with REQUIRE_APPROVAL.", textForm(maxMessage)},
	{"timeout", false, "How long it waits for an answer, 1s to 24h; then it is denied. 5m when left out.", form{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`}},
	{"approvers", false, "Groups of the host of which a member must answer.",
		form{"type": "array", "minItems": 1, "maxItems": maxApprovers, "uniqueItems": true, "items": form{"type": "string", "pattern": groupName.String()}}},
	{"quorum", false, "How many different users must approve.", form{"type": "integer", "minimum": 1, "maximum": maxQuorum}},
	{"expires", false, "RFC 3339: the rule does not exist from then on.", form{"type": "string", "format": "date-time"}},
	{"schedule", false, "The rule exists only inside one of these windows of the week, in UTC.",
		form{"type": "array", "minItems": 1, "maxItems": maxWindows, "items": refForm("window")}},
}

// windowFields are the keys of a window of a schedule.
var windowFields = []keyword{
	{"days", false, "The days on which it begins; all when left out.",
		form{"type": "array", "minItems": 1, "uniqueItems": true, "items": enumForm(weekdays[:]...)}},
	{"from", true, "When it begins, UTC.", form{"type": "string", "pattern": `^([01][0-9]|2[0-3]):[0-5][0-9]$`}},
	{"until", true, "When it ends, UTC. Not after from: on the next day.", form{"type": "string", "pattern": `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`}},
}

// combinators are the keys of conditions that are no fields.
var combinators = []keyword{
	{"any", false, "At least one of these conditions holds.", nil},
	{"all", false, "All of these conditions hold.", nil},
	{"not", false, "These conditions do not all hold.", nil},
}

// misplaced are keys that people write where they do not belong, and where they do.
var misplaced = map[string]string{
	"include": "write it as an item of rules: \"rules: [ { include: FILE } ]\"",
}

// keywordNames are the names of the keywords, in order.
func keywordNames(list []keyword) []string {
	names := make([]string, len(list))
	for i, k := range list {
		names[i] = k.name
	}
	return names
}
