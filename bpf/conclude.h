/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The end of every decision: what waits is held, the rest is answered, and all of it is reported. */
#pragma once

#include "hold.h"
#include "report.h"

/*
 * May what the rules leave to user space be done? A file that this very system call has made was asked for before it was
 * made, in inode_create, and is not asked for again; what was not asked then cannot be asked now, when there is a file.
 */
static __always_inline __u32 settle_question(struct scratch *s, struct counters *c)
{
	if (s->created)
		return s->event.action == ACTION_WRITE ? REASON_APPROVED : REASON_CANNOT_WAIT;
	return hold(s, (__sync_fetch_and_add(&c->asked, 1) + 1) << 16 | s->event.cpu);
}

/* Reports the decision and returns it as the hook's answer. */
static __noinline int conclude(struct scratch *s, __u32 verdict, __u32 reason)
{
	struct counters *c = this_cpu();
	struct event *e = &s->event;
	__u32 effect = VERDICT_EFFECT(verdict);

	if (!c)
		return -EACCES;

	e->cpu = bpf_get_smp_processor_id();
	e->verdict = verdict;
	if (reason == REASON_POLICY && (effect == EFFECT_APPROVE || effect == EFFECT_DEFER) && !s->observe) {
		reason = settle_question(s, c);
		if (reason == REASON_HELD && !e->hold)
			return -ERESTARTNOINTR;
	}
	bool allow = reason == REASON_POLICY ? effect == EFFECT_ALLOW : REASON_BIT(reason & 31) & REASONS_ALLOW;

	/* Of an agent that is only observed it is reported what the policy says, and not done. */
	if (s->observe && !(REASON_BIT(reason & 31) & REASONS_FIRM))
		allow = true;

	e->reason = reason;
	e->denied = !allow && reason != REASON_HELD;
	e->n = __sync_fetch_and_add(&c->seen, 1) + 1;

	if (e->denied)
		__sync_fetch_and_add(&c->denied, 1);
	if (submit(e, wake_up(c, e)))
		__sync_fetch_and_add(&c->submitted, 1);
	else
		__sync_fetch_and_add(&c->lost, 1);
	if (reason == REASON_HELD)
		return -ERESTARTNOINTR;
	return allow ? 0 : -EACCES;
}
