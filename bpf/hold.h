/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Holding: what the image cannot settle waits for user space, in the middle of the system call.
 *
 * A program cannot wait, so the thread is sent SIGSTOP and the system call returns -ERESTARTNOINTR. On its way out the thread
 * stops; when somebody continues it, the kernel repeats the system call as if it had never been made (kernel/signal.c, the
 * architecture's arch_do_signal_or_restart), and the hook asks again. By then the daemon has put its answer into `answers`.
 *
 *   what is asked       has a digest, of everything that the decision is about. What is asked when the call is repeated is
 *                       built afresh; if it is anything else, it is another question.
 *   who asks            keeps number and digest of the question in its own storage, so no other task can use the answer,
 *                       whatever its number. A number is that of the event that asked, and is never given twice.
 *   an answer           is used once. An operation that asks several questions (a rename, an exec of a script) must ask them
 *                       all again when a later one is held: those that were answered then are `kept` for that.
 *   the signal          is sent before the event is written, or the daemon could continue the thread before it is stopped; and
 *                       to the thread, not to its process: of two threads that send it to the process at the same time, only
 *                       one is told that a signal waits (kernel/signal.c, legacy_queue), and the other would return the error.
 *   waking a thread     lets it ask again, and that is all. If the answer came between its question and its signal, it finds
 *                       it right after the signal, and takes the signal back.
 */
#pragma once

#include "report.h"
#include "words.h"

#if defined(__TARGET_ARCH_x86)

/*
 * System calls that can be repeated: nothing has happened when a hook refuses. Not sendmmsg, which may have sent some of its
 * messages and then keeps the error for later (net/socket.c, __sys_sendmmsg); and not those through which the kernel opens
 * a file for itself. The numbers are those of arch/x86/entry/syscalls/syscall_64.tbl.
 */
#define CALL(nr, word) ((nr) >> 6 == (word) ? 1ULL << ((nr) & 63) : 0)
#define CALLS(word)                                                                                                 \
	(CALL(2, word) /* open */ | CALL(42, word) /* connect */ | CALL(44, word) /* sendto */ |                    \
	 CALL(46, word) /* sendmsg */ | CALL(49, word) /* bind */ | CALL(59, word) /* execve */ |                   \
	 CALL(76, word) /* truncate */ | CALL(77, word) /* ftruncate */ | CALL(82, word) /* rename */ |             \
	 CALL(83, word) /* mkdir */ | CALL(84, word) /* rmdir */ | CALL(85, word) /* creat */ |                     \
	 CALL(86, word) /* link */ | CALL(87, word) /* unlink */ | CALL(88, word) /* symlink */ |                   \
	 CALL(90, word) /* chmod */ | CALL(91, word) /* fchmod */ | CALL(92, word) /* chown */ |                    \
	 CALL(93, word) /* fchown */ | CALL(94, word) /* lchown */ | CALL(132, word) /* utime */ |                  \
	 CALL(133, word) /* mknod */ | CALL(188, word) /* setxattr */ | CALL(189, word) /* lsetxattr */ |           \
	 CALL(190, word) /* fsetxattr */ | CALL(197, word) /* removexattr */ | CALL(198, word) /* lremovexattr */ | \
	 CALL(199, word) /* fremovexattr */ | CALL(235, word) /* utimes */ | CALL(257, word) /* openat */ |         \
	 CALL(258, word) /* mkdirat */ | CALL(259, word) /* mknodat */ | CALL(260, word) /* fchownat */ |           \
	 CALL(261, word) /* futimesat */ | CALL(263, word) /* unlinkat */ | CALL(264, word) /* renameat */ |        \
	 CALL(265, word) /* linkat */ | CALL(266, word) /* symlinkat */ | CALL(268, word) /* fchmodat */ |          \
	 CALL(280, word) /* utimensat */ | CALL(316, word) /* renameat2 */ | CALL(322, word) /* execveat */ |       \
	 CALL(437, word) /* openat2 */ | CALL(452, word) /* fchmodat2 */)

/*
 * An exchange asks in two runs of the hook (security/security.c, security_inode_rename). The second would be taken for
 * another system call, and what was approved in the first be asked again, for ever.
 */
#define CALL_RENAMEAT2 316
#define RENAME_EXCHANGE (1 << 1) /* include/uapi/linux/fs.h */

/* Is the task in a system call that can be repeated? Not in one of 32-bit programs: their numbers are others. */
static __always_inline bool in_repeatable_call(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 nr = regs->orig_ax, calls = 0;

	if (task->thread_info.status & TS_COMPAT || (nr == CALL_RENAMEAT2 && regs->r8 & RENAME_EXCHANGE))
		return false;
	switch (nr >> 6) {
	case 0: calls = CALLS(0); break;
	case 1: calls = CALLS(1); break;
	case 2: calls = CALLS(2); break;
	case 3: calls = CALLS(3); break;
	case 4: calls = CALLS(4); break;
	case 5: calls = CALLS(5); break;
	case 6: calls = CALLS(6); break;
	case 7: calls = CALLS(7); break;
	}
	return calls >> (nr & 63) & 1;
}

#else

static __always_inline bool in_repeatable_call(struct task_struct *task)
{
	return false;
}

#endif

/* Tasks that never go back to user mode, or not before they end. */
#define NEVER_BACK (PF_EXITING | PF_IO_WORKER | PF_USER_WORKER | PF_DUMPCORE | PF_KTHREAD)

static __always_inline bool can_wait(struct task_struct *task)
{
	return !(task->flags & NEVER_BACK) && in_repeatable_call(task);
}

/* Everything that the decision is about; never 0. */
static __always_inline __u64 digest_of(struct scratch *s, __u64 key)
{
	struct event *e = &s->event;
	__u64 what = (__u64)e->action | e->op << 8 | (__u64)e->family << 16 | (__u64)e->proto << 32 | (__u64)e->port << 48;

	hash_begin(s, key);
	sip_word(s->sip, what);
	sip_word(s->sip, (__u64)e->generation << 32 | e->dev);
	sip_word(s->sip, e->ino);
	sip_word(s->sip, *(__u64 *)e->addr);
	sip_word(s->sip, *(__u64 *)(e->addr + 8));
	sip_word(s->sip, (__u64)e->path_len << 32 | e->argc);
	return hash_end(s, 0, e->path_len + e->argv_len) | 1;
}

/* Takes a digest out of a list, or puts one in. */
static __always_inline bool take(__u64 *list, __u64 digest)
{
	for (int i = 0; i < MAX_KEPT; i++) {
		if (list[i] == digest) {
			list[i] = 0;
			return true;
		}
	}
	return false;
}

static __always_inline bool put(__u64 *list, __u64 digest)
{
	for (int i = 0; i < MAX_KEPT; i++) {
		if (!list[i]) {
			list[i] = digest;
			return true;
		}
	}
	return false;
}

/* Nobody waits for the answer any more. */
static __always_inline void forget(struct held *h)
{
	__u64 id = h->id;

	bpf_map_delete_elem(&requests, &id);
	bpf_map_delete_elem(&answers, &id);
	h->id = 0;
}

/* Uses an answer up. */
static __always_inline __u32 apply(struct scratch *s, struct held *h, struct answer *a)
{
	bool allow = a->allow;

	s->event.hold = h->id;
	s->event.verdict = a->verdict;
	if (allow && !put(h->used, h->digest))
		allow = false;
	if (allow && s->event.op == OP_CONNECT) {
		h->connect = h->digest;
		h->sock = s->sock;
	}
	forget(h);
	return allow ? REASON_APPROVED : REASON_REFUSED;
}

/*
 * The question is put, or its answer is there: the reason that counts. REASON_HELD: the thread has been stopped, and the
 * system call is to be repeated; s->event.hold is then the question's number, and 0 if it has been put before.
 */
static __noinline __u32 hold(struct scratch *s, __u64 id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct held *h = bpf_task_storage_get(&helds, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 zero = 0;
	struct heart *heart = bpf_map_lookup_elem(&hearts, &zero);

	if (!h || !heart)
		return REASON_NO_MEMORY;
	if (s->fresh && s->event.action != ACTION_EXEC) /* an exec begins in bprm_creds_for_exec */
		__builtin_memset(h->used, 0, sizeof(h->used));
	s->fresh = 0;

	__u64 digest = digest_of(s, heart->key), asked = h->id;
	struct answer *a;

	/*
	 * A connect that waits for the other side and is interrupted is repeated by the kernel itself, on a socket that has
	 * begun (net/ipv4/af_inet.c, __inet_stream_connect). It was approved when it began; it can only be that one again,
	 * because a socket that is connecting takes no other address, and if another thread ends that meanwhile, this does.
	 */
	if (s->connecting && h->connect == digest && h->sock == s->sock)
		return REASON_APPROVED;
	if (take(h->kept, digest))
		return put(h->used, digest) ? REASON_APPROVED : REASON_CANNOT_WAIT;
	if (asked && h->digest == digest) {
		a = bpf_map_lookup_elem(&answers, &asked);
		if (a)
			return apply(s, h, a);
		if (!bpf_map_lookup_elem(&requests, &asked)) /* a new daemon does not know it: it is put again */
			asked = 0;
	} else if (asked) {
		forget(h);
		asked = 0;
	}

	bool waits = can_wait(task);
	if (!waits || bpf_ktime_get_ns() > heart->until) {
		if (asked)
			forget(h);
		return waits ? REASON_UNATTENDED : REASON_CANNOT_WAIT;
	}
	if (!asked) {
		struct request r = { .pid = s->event.pid, .tid = s->event.tid, .start = s->event.start, .run = s->event.run, .time = s->event.time };

		if (bpf_map_update_elem(&requests, &id, &r, BPF_NOEXIST))
			return REASON_QUEUE_FULL;
		h->id = id;
		h->digest = digest;
		s->event.hold = id;
	}

	if (bpf_send_signal_thread(SIGSTOP)) {
		forget(h);
		return REASON_CANNOT_WAIT;
	}
	if (asked) {
		a = bpf_map_lookup_elem(&answers, &asked);
		if (a) {
			bpf_send_signal_thread(SIGCONT);
			return apply(s, h, a);
		}
	}
	__builtin_memcpy(h->kept, h->used, sizeof(h->kept));
	__builtin_memset(h->used, 0, sizeof(h->used));
	return REASON_HELD;
}
