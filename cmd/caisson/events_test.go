// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"caisson/audit"
)

// mkeventsCmd runs "mkevents DIR FILE": it makes a log of the records in a file, one JSON object each. They are of agent a
// and a minute apart, unless they say otherwise.
func mkeventsCmd(ts *testscript.TestScript, _ bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[1])))
	dec.DisallowUnknownFields()
	var records []audit.Record
	for {
		r := audit.Record{Agent: "a", Kind: audit.KindFileOpen, Where: "kernel", T: logStart.Add(time.Duration(len(records)) * time.Minute)}
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		records = append(records, r)
	}
	ts.Check(writeLog(ts.MkAbs(args[0]), records...))
}
