// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"slices"
	"time"
)

// Record is one line of the log, for writing and as read back.
//
// For writing, the caller fills everything from Agent on, and may fill T,
// Boot, Mono and Kseq; V, Seq, Prev, Dur, Open, Seal, Cut and Hash are set by
// the writer whatever they hold. An absent number or string reads as zero.
// Strings may hold any bytes: one that is not valid UTF-8 is stored as base64
// under its name with "_b64" and read back unchanged.
type Record struct {
	V    int          `json:"v"`    // format version
	Seq  uint64       `json:"seq"`  // position in the log, from 0; numbers are only missing where records were lost (EndCorrupt)
	Prev string       `json:"prev"` // hash of the record before, 64 hex digits; zeros in the first
	T    time.Time    `json:"t"`    // wall clock in UTC; zero: when Append was called
	Boot string       `json:"boot"` // boot ID of the host; empty: the current one
	Mono uint64       `json:"mono"` // CLOCK_BOOTTIME in nanoseconds; zero: when Append was called
	Kseq *Kseq        `json:"kseq"` // the kernel's own count, for events from the kernel
	Dur  int64        `json:"dur"`  // everything up to this Seq was on disk when this was written; -1: nothing
	Open *SegmentOpen `json:"open"` // only in the first record of a segment

	Agent    string `json:"agent"`    // identity of the agent
	Run      string `json:"run"`      // one run of that agent
	Kind     Kind   `json:"kind"`     // what this is about; required
	Action   string `json:"action"`   // file_read, file_write, shell_exec or network
	Op       string `json:"op"`       // the system call or hook, in more detail than Kind
	Verdict  string `json:"verdict"`  // ALLOW, DENY, REQUIRE_APPROVAL or DEFER
	Enforced string `json:"enforced"` // what the kernel really did: allow, deny, held or observed
	Rule     string `json:"rule"`     // name of the rule that matched
	Reason   string `json:"reason"`   // why, in words
	Where    string `json:"where"`    // who decided: kernel or daemon
	Gen      uint64 `json:"gen"`      // generation of the policy in force
	Pol      string `json:"pol"`      // first 8 hex digits of the policy's digest

	PID   uint32  `json:"pid"`   // thread group
	TID   uint32  `json:"tid"`   // thread
	Start uint64  `json:"start"` // start of the process, nanoseconds since boot: makes PID unique
	PPID  uint32  `json:"ppid"`  // parent
	UID   *uint32 `json:"uid"`   // user; nil when not known, because 0 is root
	Cg    uint64  `json:"cg"`    // cgroup ID
	Comm  string  `json:"comm"`  // the task's name for itself: proves nothing
	Exe   string  `json:"exe"`   // location of the running program

	Path  string   `json:"path"`  // subject of a file or exec event
	Path2 string   `json:"path2"` // second name, for rename and link
	Argc  int      `json:"argc"`  // number of arguments the program was given
	Argv  []string `json:"argv"`  // arguments, already redacted by the caller
	Proto string   `json:"proto"` // tcp, udp, unix, …
	Addr  string   `json:"addr"`  // peer address
	Port  uint16   `json:"port"`  // peer port; 0 and absent mean the same
	Host  string   `json:"host"`  // name the address was resolved from

	Count  uint64            `json:"count"`  // events folded into this record; 0 and absent mean one
	Counts map[string]uint64 `json:"counts"` // what was lost, by cause, in gap records
	Text   string            `json:"text"`   // words for people
	Actor  *Actor            `json:"actor"`  // who did it, in records of what people did
	Ask    string            `json:"ask"`    // id of the request for approval that this belongs to
	Seal   *SegmentSeal      `json:"seal"`   // only in segment.seal

	Cut  []string `json:"cut"`  // names of fields that were too long and lost their end
	Hash string   `json:"hash"` // SHA-256 of a zero byte and the line up to here, 64 hex digits
}

// Kseq is the kernel's count of events on one CPU.
type Kseq struct {
	CPU uint32 `json:"cpu"` // CPU that produced the event
	N   uint64 `json:"n"`   // count of events on that CPU
}

// Actor is the process at the other end of the control socket.
type Actor struct {
	UID uint32 `json:"uid"` // user
	GID uint32 `json:"gid"` // group
	PID uint32 `json:"pid"` // process

	User string `json:"user"` // the user's name; "" if the host has none, or it was not asked for
	TTY  string `json:"tty"`  // terminal of the process, as "pts/3"; "" if it has none
}

// SegmentSeal sums up a segment that was closed in good order.
type SegmentSeal struct {
	Records  uint64            `json:"records"`  // records before the seal
	Bytes    int64             `json:"bytes"`    // bytes before the seal
	From     time.Time         `json:"from"`     // earliest T
	To       time.Time         `json:"to"`       // latest T
	Agents   []string          `json:"agents"`   // agents seen, sorted, at most 64
	More     bool              `json:"more"`     // more agents were seen than are listed
	Verdicts map[string]uint64 `json:"verdicts"` // records by verdict
}

// Why a segment ended.
const (
	EndSealed  = "sealed"  // closed in good order
	EndCrash   = "crash"   // the writer went away; what is torn was never acknowledged
	EndError   = "error"   // a write or sync failed; what is torn was written again in the next segment
	EndCorrupt = "corrupt" // records that had been on disk are missing or changed
)

// SegmentOpen ties a segment to the log and to the segments before it.
type SegmentOpen struct {
	Log   string        `json:"log"`   // ID of the log
	Tails []SegmentTail `json:"tails"` // how the segments since the last good one ended, oldest first
}

// corrupt reports whether records are missing before this segment, so that
// numbers may be, too.
func (o *SegmentOpen) corrupt() bool {
	return slices.ContainsFunc(o.Tails, func(t SegmentTail) bool { return t.Why == EndCorrupt })
}

// SegmentTail says how much of an earlier segment counts. ValidSeq has no meaning
// when ValidBytes is 0.
type SegmentTail struct {
	PrevSeg    string `json:"prev_seg"`    // file name
	ValidSeq   uint64 `json:"valid_seq"`   // last record that counts
	ValidBytes int64  `json:"valid_bytes"` // length of the part that counts
	TornBytes  int64  `json:"torn_bytes"`  // length of the rest, left as it was
	TornSHA256 string `json:"torn_sha256"` // hash of the rest, 64 hex digits; empty if there is none
	Why        string `json:"why"`         // sealed, crash, error or corrupt
	Err        string `json:"err"`         // the error, for error
}
