/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The event of a decision: scratch space and its head first; and at the end, how it is written. */
#pragma once

#include <bpf/bpf_core_read.h>

#include "identity.h"
#include "kernel.h"
#include "maps.h"

/* The scratch space of the task whose identity this is. */
static __always_inline struct scratch *scratch_of(struct identity *id)
{
	return &((struct agent_task *)id)->scratch;
}

/* Scratch space with the head of the event filled in. The identity is the current task's. */
static __always_inline struct scratch *begin(struct identity *id, __u32 action, __u32 op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *s = scratch_of(id);
	struct event *e = &s->event;
	__u64 now = bpf_ktime_get_boot_ns();

	/* They change only with an exec (exec.h), and each load through the kernel's pointers is checked on 6.1. */
	if (!id->start) {
		id->start = task->group_leader->start_boottime;
		id->pid = task->tgid;
		id->tid = task->pid;
	}

	__builtin_memset(e, 0, sizeof(*e));
	e->time = now;
	e->agent = id->agent;
	s->slot = id->slot;
	e->run = id->run;
	e->action = action;
	e->op = op;
	e->pid = id->pid;
	e->tid = id->tid;
	e->start = id->start;
	e->ppid = task->real_parent->tgid;
	e->uid = task->cred->uid.val; /* bpf_get_current_uid_gid returns the same, after a call */
	/* Two loads; bpf_get_current_comm is a hundred instructions. */
	*(__u64 *)e->comm = *(const __u64 *)task->comm;
	*(__u64 *)(e->comm + 8) = *(const __u64 *)(task->comm + 8);

	s->names = 0;
	s->used = 0;
	s->error = REASON_POLICY;
	s->cut = 0;
	s->node = 0;
	s->observe = 0;
	s->made = 0;
	s->created = 0;
	s->connecting = 0;
	return s;
}

/*
 * Whether and how to wake the daemon. It reads for a while after it was woken, so to wake it again and again would only cost
 * the agent. That while is longer than WAKE_NS (daemon/kernel/events.go).
 */
#define WAKE_NS 10000000ULL

static __always_inline __u64 wake_up(struct counters *c, struct event *e)
{
	if (e->time - c->woken < WAKE_NS && e->reason != REASON_HELD)
		return BPF_RB_NO_WAKEUP;
	c->woken = e->time;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * Writes the record: the event, which the text follows in memory. The kernel copies byte by byte and the compiler eight at a
 * time, but it must know how many, so there are sizes; what lies behind the text is of an earlier subject and is not read.
 */
#define SUBMIT(e, size, flags)                                                                     \
	({                                                                                         \
		__u64 *to = bpf_ringbuf_reserve(&events, size, 0);                                 \
		const __u64 *from = (const __u64 *)(e);                                            \
		if (to) {                                                                          \
			_Pragma("unroll") for (__u32 i = 0; i < (size) / 8; i++) to[i] = from[i];  \
			bpf_ringbuf_submit(to, flags);                                             \
		}                                                                                  \
		to != NULL;                                                                        \
	})

static __always_inline bool submit(struct event *e, __u64 flags)
{
	__u32 text = e->path_len + e->argv_len;

	if (text <= 64)
		return SUBMIT(e, sizeof(*e) + 64, flags);
	if (text <= 128)
		return SUBMIT(e, sizeof(*e) + 128, flags);
	if (text > MAX_PATH + MAX_ARGV)
		return false;
	return !bpf_ringbuf_output(&events, e, sizeof(*e) + text, flags);
}
