/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Beginning and end of every decision: scratch space and the head of the event first, the event and the answer last. */
#pragma once

#include <bpf/bpf_core_read.h>

#include "identity.h"
#include "kernel.h"
#include "maps.h"

static __always_inline struct counters *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* Counts a decision that cannot even be reported: the hole in `n` and `lost` make it visible. */
static __always_inline void count_unreported(void)
{
	struct counters *c = this_cpu();

	if (!c)
		return;
	__sync_fetch_and_add(&c->seen, 1);
	__sync_fetch_and_add(&c->lost, 1);
	__sync_fetch_and_add(&c->denied, 1);
}

/* Scratch space with the head of the event filled in. NULL: no memory; it is counted, the caller must deny. */
static __noinline struct scratch *begin(struct identity *id, __u32 action, __u32 op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scratch *s = bpf_task_storage_get(&scratches, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!s) {
		count_unreported();
		return NULL;
	}

	struct event *e = &s->event;
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->agent = id->agent;
	s->slot = id->slot;
	e->run = id->run;
	e->action = action;
	e->op = op;
	e->pid = task->tgid;
	e->tid = task->pid;
	e->ppid = task->real_parent->tgid;
	e->start = task->group_leader->start_boottime;
	e->uid = task->cred->uid.val; /* bpf_get_current_uid_gid returns the same, after a call */
	bpf_get_current_comm(e->comm, sizeof(e->comm));

	s->names = 0;
	s->used = 0;
	s->error = REASON_POLICY;
	s->cut = 0;
	s->node = 0;
	s->observe = 0;
	return s;
}

/* Reports the decision and returns it as the hook's answer. */
static __noinline int conclude(struct scratch *s, __u32 verdict, __u32 reason)
{
	struct counters *c = this_cpu();
	struct event *e = &s->event;
	bool allow = reason == REASON_POLICY ? VERDICT_EFFECT(verdict) == EFFECT_ALLOW
					     : REASON_BIT(reason & 31) & REASONS_ALLOW;
	__u32 len = sizeof(*e) + e->path_len + e->argv_len;

	if (!c)
		return -EACCES;

	/* Of an agent that is only observed it is reported what the policy says, and not done. */
	if (s->observe && !(REASON_BIT(reason & 31) & REASONS_FIRM))
		allow = true;

	e->verdict = verdict;
	e->reason = reason;
	e->denied = !allow;
	e->cpu = bpf_get_smp_processor_id();
	e->n = __sync_fetch_and_add(&c->seen, 1) + 1;

	if (!allow)
		__sync_fetch_and_add(&c->denied, 1);
	if (len > sizeof(*e) + MAX_PATH + MAX_ARGV)
		len = sizeof(*e);
	if (bpf_ringbuf_output(&events, e, len, 0))
		__sync_fetch_and_add(&c->lost, 1);
	else
		__sync_fetch_and_add(&c->submitted, 1);
	return allow ? 0 : -EACCES;
}
