// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"caisson/audit"
)

// always are the fields that every line of the log has, whatever their value.
var always = []string{"v", "seq", "prev", "t", "kind"}

// recordJSON writes a record as the log has it: one line, absent fields left out, and what is not UTF-8 as base64 under
// its name with "_b64". It is the record's content, not its bytes: only the log itself can be hashed again.
func (u *ui) recordJSON(r *audit.Record) error {
	var fields []string
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Tag.Get("json"), v.Field(i)
		// "dur" counts from 0, and -1 is none.
		absent := f.IsZero() && !slices.Contains(always, name)
		if name == "dur" {
			absent = f.Int() < 0
		}
		if absent {
			continue
		}

		name, value := encodable(name, f.Interface())
		text, err := marshal(value, "")
		if err != nil {
			return err
		}
		fields = append(fields, `"`+name+`":`+strings.TrimSuffix(text, "\n"))
	}
	u.text("{" + strings.Join(fields, ",") + "}\n")
	return nil
}

// encodable is a value that JSON can hold, and the name it goes by.
func encodable(name string, value any) (string, any) {
	switch v := value.(type) {
	case string:
		if !utf8.ValidString(v) {
			return name + "_b64", base64.StdEncoding.EncodeToString([]byte(v))
		}
	case audit.Kind:
		return encodable(name, string(v))
	case []string:
		if slices.ContainsFunc(v, func(s string) bool { return !utf8.ValidString(s) }) {
			raw := make([][]byte, len(v))
			for i, s := range v {
				raw[i] = []byte(s)
			}
			return name + "_b64", raw
		}
	}
	return name, value
}
