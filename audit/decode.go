// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// wire adds the forms that fields take when they are not valid UTF-8.
type wire struct {
	Record
	Argv64   [][]byte          `json:"argv_b64"`
	Counts64 map[string]uint64 `json:"counts_b64"`

	Agent64    []byte `json:"agent_b64"`
	Run64      []byte `json:"run_b64"`
	Kind64     []byte `json:"kind_b64"`
	Action64   []byte `json:"action_b64"`
	Op64       []byte `json:"op_b64"`
	Verdict64  []byte `json:"verdict_b64"`
	Enforced64 []byte `json:"enforced_b64"`
	Rule64     []byte `json:"rule_b64"`
	Reason64   []byte `json:"reason_b64"`
	Where64    []byte `json:"where_b64"`
	Pol64      []byte `json:"pol_b64"`
	Comm64     []byte `json:"comm_b64"`
	Exe64      []byte `json:"exe_b64"`
	Path64     []byte `json:"path_b64"`
	Path264    []byte `json:"path2_b64"`
	Proto64    []byte `json:"proto_b64"`
	Addr64     []byte `json:"addr_b64"`
	Host64     []byte `json:"host_b64"`
	Text64     []byte `json:"text_b64"`
	Ask64      []byte `json:"ask_b64"`
}

// ParseLine decodes one line of a log, with or without its newline, after
// checking that it matches its own hash. It does not check the order of
// records; [Verify] does. Fields it does not know are ignored.
func ParseLine(line []byte) (Record, error) {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if _, err := newHasher().check(line); err != nil {
		return Record{}, fmt.Errorf("parse record: %w", err)
	}
	return decode(line)
}

// decode decodes a line whose hash is known to be good.
func decode(line []byte) (Record, error) {
	if _, _, err := head(line); err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	w := wire{Record: Record{Dur: -1}}
	if err := json.Unmarshal(line, &w); err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	if err := w.bytes(); err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	return w.Record, nil
}

// bytes moves what came as base64 to where it belongs.
func (w *wire) bytes() error {
	r := &w.Record
	for _, f := range []struct {
		from []byte
		to   *string
	}{
		{w.Agent64, &r.Agent}, {w.Run64, &r.Run}, {w.Kind64, (*string)(&r.Kind)}, {w.Action64, &r.Action},
		{w.Op64, &r.Op}, {w.Verdict64, &r.Verdict}, {w.Enforced64, &r.Enforced}, {w.Rule64, &r.Rule},
		{w.Reason64, &r.Reason}, {w.Where64, &r.Where}, {w.Pol64, &r.Pol}, {w.Comm64, &r.Comm},
		{w.Exe64, &r.Exe}, {w.Path64, &r.Path}, {w.Path264, &r.Path2}, {w.Proto64, &r.Proto},
		{w.Addr64, &r.Addr}, {w.Host64, &r.Host}, {w.Text64, &r.Text}, {w.Ask64, &r.Ask},
	} {
		if f.from != nil {
			*f.to = string(f.from)
		}
	}
	if w.Argv64 != nil {
		r.Argv = make([]string, len(w.Argv64))
		for i, a := range w.Argv64 {
			r.Argv[i] = string(a)
		}
	}
	for k, n := range w.Counts64 {
		raw, err := base64.StdEncoding.DecodeString(k)
		if err != nil {
			return fmt.Errorf("counts_b64: %w", err)
		}
		if r.Counts == nil {
			r.Counts = make(map[string]uint64, len(w.Counts64))
		}
		r.Counts[string(raw)] = n
	}
	return nil
}
