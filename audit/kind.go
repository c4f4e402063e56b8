// SPDX-License-Identifier: Apache-2.0

package audit

// Kind says what a record is about.
type Kind string

// The kinds of record. The first three are written by this package only.
const (
	KindGenesis         Kind = "genesis"          // first record of a log
	KindSegmentOpen     Kind = "segment.open"     // first record of every later segment
	KindSegmentSeal     Kind = "segment.seal"     // last record of a segment closed in good order
	KindBoot            Kind = "boot"             // the host was started since the last record
	KindDaemonStart     Kind = "daemon.start"     // the daemon started
	KindDaemonStop      Kind = "daemon.stop"      // the daemon is about to stop
	KindGap             Kind = "gap"              // events were lost; Counts says how many and why
	KindPolicyLoad      Kind = "policy.load"      // a policy took effect
	KindPolicyRemove    Kind = "policy.remove"    // a policy was withdrawn
	KindPolicyRefused   Kind = "policy.refused"   // a policy file did not load; what was in force stays
	KindAgentStart      Kind = "agent.start"      // a run of an agent began
	KindAgentStop       Kind = "agent.stop"       // a run of an agent ended
	KindExec            Kind = "exec"             // a program was started
	KindFileOpen        Kind = "file.open"        // a file was opened
	KindFileCreate      Kind = "file.create"      // a file was created
	KindFileMkdir       Kind = "file.mkdir"       // a directory was made
	KindFileUnlink      Kind = "file.unlink"      // a name was removed
	KindFileRmdir       Kind = "file.rmdir"       // a directory was removed
	KindFileRename      Kind = "file.rename"      // Path became Path2
	KindFileLink        Kind = "file.link"        // Path2 became a hard link to Path
	KindFileSymlink     Kind = "file.symlink"     // Path became a symlink
	KindFileMknod       Kind = "file.mknod"       // a node was made
	KindFileSetattr     Kind = "file.setattr"     // mode, owner, size or times changed
	KindFileXattr       Kind = "file.xattr"       // an extended attribute changed
	KindNetConnect      Kind = "net.connect"      // a socket was connected
	KindNetSendto       Kind = "net.sendto"       // a datagram was sent without connecting
	KindFloor           Kind = "floor"            // refused to every agent, whatever its policy
	KindIntegrityFailed Kind = "integrity.failed" // something that must hold does not
	KindDisagreement    Kind = "disagreement"     // kernel and user space judged one event differently
	KindApproval        Kind = "approval"         // what became of a request for approval; Actor says who has answered
	KindAdmin           Kind = "admin"            // a person changed something; Actor says who
)

// Verdicts, as policies spell them.
const (
	VerdictAllow           = "ALLOW"
	VerdictDeny            = "DENY"
	VerdictRequireApproval = "REQUIRE_APPROVAL"
	VerdictDefer           = "DEFER" // only of what is held: the image leaves it to user space
)

// What the kernel really did with the call.
const (
	EnforcedAllow    = "allow"
	EnforcedDeny     = "deny"
	EnforcedHeld     = "held"     // neither yet: it waits, and what comes of it is another record
	EnforcedObserved = "observed" // let through, whatever the verdict, because the agent is only observed
)

// class is how long a record may wait for the disk.
type class uint8

const (
	classSync   class = iota // written and synced at once
	classNormal              // written and synced within Options.Delay
	classAllow               // written within Options.Delay, synced within Options.AllowDelay
)

// routine lists the kinds that describe one event of an agent. Every other
// kind, including one this version does not know, goes to disk at once.
var routine = map[Kind]bool{
	KindExec: true, KindFileOpen: true, KindFileCreate: true, KindFileMkdir: true,
	KindFileUnlink: true, KindFileRmdir: true, KindFileRename: true, KindFileLink: true,
	KindFileSymlink: true, KindFileMknod: true, KindFileSetattr: true, KindFileXattr: true,
	KindNetConnect: true, KindNetSendto: true, KindFloor: true,
}

// classOf decides how long r may wait. Whatever was refused, or is not an
// ordinary event, does not wait.
func classOf(r *Record) class {
	if !routine[r.Kind] || r.Enforced == EnforcedDeny {
		return classSync
	}
	switch r.Verdict {
	case VerdictAllow:
		return classAllow
	case "":
		return classNormal
	}

	return classSync
}

// reserved reports whether only this package may write records of kind k.
func reserved(k Kind) bool {
	return k == KindGenesis || k == KindSegmentOpen || k == KindSegmentSeal
}
