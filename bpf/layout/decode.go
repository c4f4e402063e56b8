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
		Dev: le.Uint32(record[40:]), CPU: le.Uint32(record[44:]), Agent: le.Uint32(record[48:]),
		Generation: le.Uint32(record[52:]), PID: le.Uint32(record[56:]), TID: le.Uint32(record[60:]),
		PPID: le.Uint32(record[64:]), UID: le.Uint32(record[68:]),
		Verdict: le.Uint32(record[72:]), StartNode: le.Uint32(record[76:]),
		Action: record[80], Op: record[81], Reason: record[82], Denied: record[83],
		PathLen: le.Uint16(record[84:]), ArgvLen: le.Uint16(record[86:]), Argc: le.Uint16(record[88:]),
		Family: le.Uint16(record[90:]), Proto: le.Uint16(record[92:]), Port: le.Uint16(record[94:]),
		Addr: [16]byte(record[96:]), Comm: [16]byte(record[112:]),
	}

	path = record[EventSize:]
	if len(path) < int(e.PathLen)+int(e.ArgvLen) {
		return e, nil, nil, false
	}
	argv = path[e.PathLen : int(e.PathLen)+int(e.ArgvLen)]
	return e, path[:e.PathLen], argv, true
}
