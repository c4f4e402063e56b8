// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
)

//go:generate go test -run ^TestSchemaIsCommitted$ . -update

// form is a part of a JSON Schema.
type form = map[string]any

// Schema is the JSON Schema (draft 2020-12) of policy files, for editors. It is made from the tables that the parser goes
// by. It is not quite as strict: what depends on the text of a value, or on other files, only the parser says.
func Schema() []byte {
	root := mappingForm(topFields)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "caisson policy"
	root["description"] = "What one agent may do. See docs/policy.md."
	root["$defs"] = definitions()

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		panic("encoding the schema: " + err.Error()) // should never fail because it is made of maps, lists and strings
	}
	return b.Bytes()
}

// definitions are the parts of the schema that others refer to.
func definitions() form {
	included := mappingForm(includedFields)
	included["description"] = "A file that policies include."
	defs := form{
		"included": included,
		"include":  mappingForm(includeFields),
		"defaults": mappingForm(defaultsFields),
		"window":   mappingForm(windowFields),
		"rule":     ruleForm(),
		"rules": form{"type": "array", "items": form{
			"if": form{"required": []string{"include"}}, "then": refForm("include"), "else": refForm("rule"),
		}},
	}
	for name, f := range caseForms() {
		defs[name] = f
	}
	for a := range actionNames {
		defs[conditionsName(Action(a))] = conditionsForm(Action(a))
	}
	for _, f := range fields {
		defs[f.name] = operatorsForm(f)
	}
	return defs
}

// mappingForm is a mapping with these keys and no others.
func mappingForm(keywords []keyword) form {
	properties := form{}
	required := []string{}
	for _, k := range keywords {
		properties[k.name] = described(k.form, k.text)
		if k.required {
			required = append(required, k.name)
		}
	}
	m := form{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		m["required"] = required
	}
	return m
}

// ruleForm is a rule: its action decides which conditions it can have.
func ruleForm() form {
	rule := mappingForm(ruleFields)
	rule["description"] = "If its conditions hold for what the agent tries, its effect applies."
	var each []form
	for a, name := range actionNames {
		each = append(each, form{
			"if":   form{"properties": form{"action": form{"const": name}}, "required": []string{"action"}},
			"then": form{"properties": form{"conditions": refForm(conditionsName(Action(a)))}},
		})
	}
	each = append(each, form{
		"if":   form{"required": []string{"descendants"}},
		"then": form{"properties": form{"action": form{"const": ShellExec.String()}, "effect": form{"const": Allow.String()}}},
	})
	for _, field := range approvalFields {
		each = append(each, form{
			"if":   form{"required": []string{field.name}},
			"then": form{"properties": form{"effect": form{"const": RequireApproval.String()}}},
		})
	}
	rule["allOf"] = each
	return rule
}

func conditionsName(a Action) string { return a.String() + "_conditions" }

// conditionsForm is the conditions of an action. Only those of a rule itself can be empty.
func conditionsForm(a Action) form {
	self := refForm(conditionsName(a))
	nested := form{"allOf": []form{self}, "minProperties": 1}
	list := form{"type": "array", "minItems": 1, "items": nested}

	properties := form{}
	for _, name := range fieldsOf(a) {
		properties[name] = described(refForm(name), fields[fieldIndex(name)].text)
	}
	for _, k := range combinators {
		properties[k.name] = described(list, k.text)
	}
	properties["not"] = described(nested, combinators[len(combinators)-1].text)
	return form{"type": "object", "additionalProperties": false, "properties": properties}
}

// operatorsForm is the operators of a field, each with one value or a list.
func operatorsForm(f field) form {
	properties := form{}
	for _, name := range f.ops {
		op := operatorNamed(name)
		value := f.form(op.means)
		list := form{"type": "array", "minItems": 1, "items": value}
		if op.list {
			properties[name] = described(list, op.text)
		} else {
			properties[name] = described(form{"anyOf": []form{value, list}}, op.text)
		}
	}
	return form{"type": "object", "additionalProperties": false, "minProperties": 1, "properties": properties}
}

// described is a form with a text for people.
func described(f form, text string) form {
	out := form{"description": text}
	for k, v := range f {
		out[k] = v
	}
	return out
}

func refForm(name string) form { return form{"$ref": "#/$defs/" + name} }

func enumForm(words ...string) form { return form{"enum": words} }

func textForm(most int) form { return form{"type": "string", "minLength": 1, "maxLength": most} }

func stringForm(op string) form {
	f := form{"type": "string", "minLength": 1}
	if op == opRegex {
		f["maxLength"] = maxRegex
	}
	return f
}

// pathForm is the value of a path condition: a location, except where it is part of one or a pattern of one.
func pathForm(op string) form {
	f := stringForm(op)
	if op == opEquals || op == opStartsWith || op == opGlob {
		f["pattern"] = fmt.Sprintf(`^(/|@|\$\{(%s|%s)\})`, varHome, varWorkspace)
	}
	return f
}

func portForm(string) form {
	return form{"anyOf": []form{
		{"type": "integer", "minimum": 1, "maximum": 65535},
		{"type": "string", "pattern": "^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$"},
	}}
}
