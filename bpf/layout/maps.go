// SPDX-License-Identifier: Apache-2.0

package layout

// AgentTask is the value of the task storage map `tasks`.
type AgentTask struct {
	Identity Identity
	_        [TaskScratch]byte // of the programs alone
}

// TaskScratch is the size of what the programs keep for themselves behind the identity, in bytes.
const TaskScratch = 8016

// Identity says who a task is. It is set once and copied on fork.
type Identity struct {
	Agent          uint32
	Slot           uint32 // of the image: the agent's number, or that of an image made for the run
	Flags          uint32
	ExecLen        uint32 // bytes of the words judged last, until the exec commits
	Run            uint64 // cgroup id of the run
	ExecHash       uint64 // of those words
	InterpreterIno uint64 // what the program being executed has opened as its interpreter
	InterpreterDev uint32
	EnvLen         uint32 // bytes of the words that env may hand on
	EnvHash        uint64 // of those words
	Key            uint64 // of the hashes
	Start          uint64 // of the process, ns since boot; 0: not read yet
	PID            uint32 // with Start
	TID            uint32
}

// TaskLaunch marks the task that the operator's launch is about to turn into the run's first program.
const TaskLaunch = 1 << 0 // the other flags are the kernel side's own

// Config is the single element of the map `config`.
type Config struct {
	Slice      uint64 // cgroup id of caisson.slice
	SliceLevel uint32 // its depth below the cgroup root
	ControlDev uint32 // s_dev of the control socket's file system
	ControlIno uint64 // inode of the control socket
}

// MountKey is the key of the map `mounts`.
type MountKey struct {
	Generation uint32
	Dev        uint32
}

// MountNodes is its value: where in each of the tries over locations the root of that superblock stands.
type MountNodes struct {
	Node [NameRoots]uint32 // indexed by RootRead and so on
	_    uint32
}

// Counters is one CPU's element of the map `counters`. Seen = Submitted + Lost, always.
type Counters struct {
	Seen      uint64
	Submitted uint64
	Lost      uint64 // the ring buffer was full
	Denied    uint64
	Asked     uint64 // questions put to user space
	Woken     uint64 // when the reader was last woken, ns since boot
}

// Limits of one subject.
const (
	MaxDepth     = 127  // names of a location; MAX_DEPTH in bpf/event.h counts the superblock's root, too
	MaxPathBytes = 4096 // bytes of a location, slashes included
	MaxArgvBytes = 2048 // bytes of argument words that are judged and reported
	MaxNames     = 256  // names of a whole subject: location, separator, words
)

// MaxAgents is how many identities one host can have; number 0 is "unknown" and never has an image.
const MaxAgents = 1024

// MaxSlots is how many images can be in force: slot n below MaxAgents is agent n's, the rest are for runs whose policy has
// variables.
const MaxSlots = 4096

// AgentNameBytes is the size of the key of the map `names`: an identity of at most 63 bytes, zero-padded.
const AgentNameBytes = 64

// Request is an element of the map `requests`: a system call that waits, by number.
type Request struct {
	Run   uint64 // cgroup id
	Start uint64 // of the process, ns since boot
	Time  uint64 // of the question, ns since boot
	PID   uint32
	TID   uint32
}

// Answer is an element of the map `answers`, by the same number.
type Answer struct {
	Allow   uint32
	Verdict uint32 // verdict word of the rule that has decided
}

// Heart is the single element of the map `hearts`.
type Heart struct {
	Until uint64 // CLOCK_MONOTONIC, ns; later nobody is there to answer, and nothing is held
	Key   uint64 // of the digests; never changes while anything waits
}
