// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"fmt"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// operations says how each operation is written down.
var operations = map[uint8]struct {
	name string
	kind audit.Kind
}{
	layout.OpOpen:       {"open", audit.KindFileOpen},
	layout.OpCreate:     {"create", audit.KindFileCreate},
	layout.OpMkdir:      {"mkdir", audit.KindFileMkdir},
	layout.OpUnlink:     {"unlink", audit.KindFileUnlink},
	layout.OpRmdir:      {"rmdir", audit.KindFileRmdir},
	layout.OpRenameFrom: {"rename-from", audit.KindFileRename},
	layout.OpRenameTo:   {"rename-to", audit.KindFileRename},
	layout.OpLinkFrom:   {"link-from", audit.KindFileLink},
	layout.OpLinkTo:     {"link-to", audit.KindFileLink},
	layout.OpSymlink:    {"symlink", audit.KindFileSymlink},
	layout.OpMknod:      {"mknod", audit.KindFileMknod},
	layout.OpSetattr:    {"setattr", audit.KindFileSetattr},
	layout.OpXattr:      {"xattr", audit.KindFileXattr},
	layout.OpExec:       {"exec", audit.KindExec},
	layout.OpExecVerify: {"exec-verify", audit.KindExec},
	layout.OpConnect:    {"connect", audit.KindNetConnect},
	layout.OpSendto:     {"sendto", audit.KindNetSendto},
	layout.OpMount:      {"mount", audit.KindFloor},
	layout.OpUmount:     {"umount", audit.KindFloor},
	layout.OpBPF:        {"bpf", audit.KindFloor},
	layout.OpPtrace:     {"ptrace", audit.KindFloor},
}

// reasons says why a verdict is not the image's: a word that stays the same for programs, and more for people.
var reasons = map[uint8]string{
	layout.ReasonNoPolicy:   "no-policy: no policy is in force for this agent",
	layout.ReasonLaunch:     "launch: first program of a run, chosen by who launched it",
	layout.ReasonTooDeep:    "too-deep: the location has more names than can be judged",
	layout.ReasonRace:       "race: renames kept changing the location while it was read",
	layout.ReasonDetached:   "detached: the file is not connected to the root of its file system",
	layout.ReasonNotMounted: "not-mounted: the host has not mounted the root of this file system",
	layout.ReasonUnreadable: "unreadable: a name, an argument or an address could not be read",
	layout.ReasonNoMemory:   "no-memory: no memory to judge it",
	layout.ReasonTooLong:    "too-long: a word is too long, or there are too many words, to be judged",
	layout.ReasonFamily:     "socket-kind: no rule can name this kind of socket",
	layout.ReasonArgv:       "argv-changed: the arguments of the new program are not those that were judged",
	layout.ReasonBroken:     "broken-image: the decision image contradicts itself",
	layout.ReasonFloor:      "hard-floor: refused to every agent, whatever its policy",
	layout.ReasonInterp:     "interpreter: the program names an interpreter that may not be read",
	layout.ReasonSubtree:    "subtree: rules decide differently below this directory, so it may not be moved",
	layout.ReasonControl:    "control-socket: caisson's own control socket",
	layout.ReasonContinued:  "continued: the interpreter of an allowed script, as part of it",
	layout.ReasonDescendant: "descendant: started by a program whose rule allows what it starts",
	layout.ReasonHeld:       "held: it waits for an answer",
	layout.ReasonApproved:   "approved: by the answer to an earlier question of the same system call, or to an earlier daemon",
	layout.ReasonRefused:    "refused: by the answer of an earlier daemon",
	layout.ReasonCannotWait: "cannot-wait: only system calls that can be repeated wait for an answer, of 64-bit programs that do not end at the moment",
	layout.ReasonUnattended: "unattended: no daemon is there to answer",
	layout.ReasonQueueFull:  "queue-full: too many calls wait for an answer",
}

// fatal are the reasons for which a program has been killed, because it was too late to refuse it.
var fatal = map[uint8]bool{layout.ReasonArgv: true, layout.ReasonInterp: true}

// reasonText is why an event was decided as it was; "" when a rule says it all.
func reasonText(e *layout.Event) string {
	if e.Reason != layout.ReasonPolicy {
		text, ok := reasons[e.Reason]
		if ok && fatal[e.Reason] && e.Denied != 0 {
			text += ": killed"
		}
		if ok {
			return text
		}
		return fmt.Sprintf("reason %d of the kernel is not known", e.Reason)
	}

	if _, rule := layout.SplitVerdict(e.Verdict); rule < 0 {
		return policy.ReasonNoRule
	}
	return ""
}

// verdictText is the policy's verdict on what has that path on the host, whether or not it was carried out.
func (e *event) verdictText(path string) string {
	effect, _ := layout.SplitVerdict(e.Verdict)
	switch {
	case ruled[e.Reason] && effect == layout.EffectApprove:
		return audit.VerdictRequireApproval
	case e.Reason == layout.ReasonHeld:
		return audit.VerdictDefer
	case e.Reason == layout.ReasonApproved && effect == layout.EffectDefer && e.gen != nil: // settled earlier in the same call
		return e.settledVerdict(path)
	case permitted(&e.Event):
		return audit.VerdictAllow
	case e.Reason == layout.ReasonPolicy && effect == layout.EffectDefer && e.gen != nil:
		return e.settledVerdict(path)
	}
	return audit.VerdictDeny
}

// settledVerdict is what the rules say where the image does not know, and nothing was held for it: what is only observed, and
// what was answered before.
func (e *event) settledVerdict(path string) string {
	_, rule := layout.SplitVerdict(e.Verdict)
	v := policy.Settle(e.gen.policy, e.gen.env, e.onHost(path), rule)
	if v.Effect == policy.Defer {
		return audit.VerdictDeny // it would be: nobody knows the name of a host
	}
	return v.Effect.String()
}
