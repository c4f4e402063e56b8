// SPDX-License-Identifier: Apache-2.0

package layout

import "encoding/binary"

// DecodeEvent reads an event and the path and argument bytes behind it, which alias record. It reports false when the
// record is too short for what it says of itself.
func DecodeEvent(record []byte) (e Event, path, argv []byte, ok bool) {
	if len(record) < EventSize {
		return e, nil, nil, false
	}

	le := binary.LittleEndian
	e = Event{
		N: le.Uint64(record), Time: le.Uint64(record[8:]), Run: le.Uint64(record[16:]),
		Start: le.Uint64(record[24:]), Ino: le.Uint64(record[32:]),
		Hold: le.Uint64(record[40:]),
		Dev:  le.Uint32(record[48:]), CPU: le.Uint32(record[52:]), Agent: le.Uint32(record[56:]),
		Generation: le.Uint32(record[60:]), PID: le.Uint32(record[64:]), TID: le.Uint32(record[68:]),
		PPID: le.Uint32(record[72:]), UID: le.Uint32(record[76:]),
		Verdict: le.Uint32(record[80:]), StartNode: le.Uint32(record[84:]),
		Action: record[88], Op: record[89], Reason: record[90], Denied: record[91],
		PathLen: le.Uint16(record[92:]), ArgvLen: le.Uint16(record[94:]), Argc: le.Uint16(record[96:]),
		Family: le.Uint16(record[98:]), Proto: le.Uint16(record[100:]), Port: le.Uint16(record[102:]),
		Addr: [16]byte(record[104:]), Comm: [16]byte(record[120:]),
	}

	path = record[EventSize:]
	if len(path) < int(e.PathLen)+int(e.ArgvLen) {
		return e, nil, nil, false
	}
	argv = path[e.PathLen : int(e.PathLen)+int(e.ArgvLen)]
	return e, path[:e.PathLen], argv, true
}
