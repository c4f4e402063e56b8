// SPDX-License-Identifier: Apache-2.0

package layout

// Actions, as in the policy language.
const (
	ActionRead  = 0
	ActionWrite = 1
	ActionExec  = 2
	ActionNet   = 3
	ActionFloor = 4 // refused to every agent, whatever its policy
)

// Operations: what the process really tried. Keep in sync with enum op in bpf/event.h.
const (
	OpOpen       = 1
	OpCreate     = 2
	OpMkdir      = 3
	OpUnlink     = 4
	OpRmdir      = 5
	OpRenameFrom = 6
	OpRenameTo   = 7
	OpLinkFrom   = 8
	OpLinkTo     = 9
	OpSymlink    = 10
	OpMknod      = 11
	OpSetattr    = 12 // chmod, chown, truncate, utimes
	OpXattr      = 13
	OpExec       = 14
	OpConnect    = 15
	OpSendto     = 16
	OpExecVerify = 17 // argv of the new image differs from what was judged: killed
	OpMount      = 18 // mount, remount, move_mount, pivot_root
	OpUmount     = 19
	OpBPF        = 20 // bpf(2)
	OpPtrace     = 21 // ptrace, process_vm_readv, pidfd_getfd, /proc/PID/fd of a process outside the run
)

// Reasons: why a verdict is not simply the image's. Keep in sync with enum reason in bpf/event.h.
const (
	ReasonPolicy     = 0  // the image decided
	ReasonNoPolicy   = 1  // the identity has no image
	ReasonLaunch     = 2  // the operator's own launch: the first program of a run
	ReasonTooDeep    = 3  // more names, or bytes of names, than a subject can have
	ReasonRace       = 4  // renames kept changing the location while it was read
	ReasonDetached   = 5  // not connected to its superblock's root
	ReasonNotMounted = 6  // a superblock the host has not mounted
	ReasonUnreadable = 7  // a name, an argument or an address could not be read
	ReasonNoMemory   = 8  // scratch space could not be had
	ReasonTooLong    = 9  // a word too long for a pattern, or more words than fit
	ReasonFamily     = 10 // a socket family or protocol that no rule can name
	ReasonArgv       = 11 // the argv of the new image is not the one that was judged
	ReasonBroken     = 12 // the image contradicts itself
	ReasonControl    = 13 // a connection to caisson's own control socket
	ReasonFloor      = 14 // the hard floor: no rule can allow it
	ReasonInterp     = 15 // the interpreter that a program names may not be used
	ReasonSubtree    = 16 // a directory below which rules decide differently may not be moved
	ReasonContinued  = 17 // allowed: the interpreter of a script that a rule allows
	ReasonHeld       = 19 // neither allowed nor denied: it waits for an answer
	ReasonApproved   = 20 // allowed: the answer
	ReasonRefused    = 21 // the answer was no
	ReasonCannotWait = 22 // in a system call that cannot be repeated, or a task that cannot be stopped
	ReasonUnattended = 23 // the daemon is not there to answer
	ReasonQueueFull  = 24 // too many wait already
	ReasonDescendant = 18 // allowed: no rule speaks of it, and a rule with `descendants: allow` allowed what started it
)

// Event is the fixed part of a record in the ring buffer; PathLen bytes of path and ArgvLen bytes of NUL-terminated
// argument words follow it.
type Event struct {
	N          uint64 // number of this event on its CPU, from 1, without holes unless events were lost
	Time       uint64 // CLOCK_BOOTTIME, ns
	Run        uint64 // cgroup id of the run
	Start      uint64 // start of the process, ns since boot
	Ino        uint64
	Hold       uint64 // number of the question that is put, or was answered; 0: none
	Dev        uint32 // s_dev of the superblock: major<<20 | minor
	CPU        uint32
	Agent      uint32
	Generation uint32 // of the image that decided; 0: none
	PID        uint32 // thread group, in the initial PID namespace
	TID        uint32
	PPID       uint32
	UID        uint32
	Verdict    uint32 // verdict word
	StartNode  uint32 // node at which the walk started
	Action     uint8
	Op         uint8
	Reason     uint8
	Denied     uint8 // 1: the kernel refused the operation
	PathLen    uint16
	ArgvLen    uint16
	Argc       uint16
	Family     uint16 // AF_*
	Proto      uint16 // IPPROTO_*
	Port       uint16 // host byte order
	Addr       [16]byte
	Comm       [16]byte
}

// EventSize is the size of [Event], in bytes.
const EventSize = 136
