/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who the current task is. Task storage is the identity: it is set once, copied on fork (task.h) and never depends on
 * anything the task can change. A task without it that stands below caisson.slice was started there by systemd or by an
 * operator; it gets the identity of the slice it is in, at its first hook, and keeps it.
 */
#pragma once

#include "kernel.h"
#include "maps.h"

static __always_inline struct counters *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* Counts a denial that cannot even be reported: the hole in `n` and `lost` make it visible. */
static __always_inline void count_unreported(void)
{
	struct counters *c = this_cpu();

	if (!c)
		return;
	__sync_fetch_and_add(&c->seen, 1);
	__sync_fetch_and_add(&c->lost, 1);
	__sync_fetch_and_add(&c->denied, 1);
}

/* The identity of a task, as far as it has one; NULL: none. */
static __always_inline struct identity *identity_of(struct task_struct *task)
{
	struct agent_task *at = bpf_task_storage_get(&tasks, task, NULL, 0);

	return at ? &at->identity : NULL;
}

/* A new identity, all zeros; NULL: no memory. */
static __always_inline struct identity *new_identity(struct task_struct *task)
{
	struct agent_task *at = bpf_task_storage_get(&tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	return at ? &at->identity : NULL;
}

/* 0: not an agent. 1: an agent, *id is set. Negative: an agent whose identity could not be stored; deny. */
static __always_inline int who(struct identity **id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;

	/* No storage of any kind: the usual case on a host, and a load is cheaper than a call that finds nothing. */
	*id = task->bpf_storage ? identity_of(task) : NULL;
	if (*id) {
		((struct agent_task *)*id)->scratch.fresh = 1;
		return 1;
	}

	struct config *cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg || !cfg->slice || bpf_get_current_ancestor_cgroup_id(cfg->slice_level) != cfg->slice)
		return 0;

	__u64 slice = bpf_get_current_ancestor_cgroup_id(cfg->slice_level + 1);
	__u32 *agent = bpf_map_lookup_elem(&slices, &slice);

	*id = new_identity(task);
	if (!*id) {
		count_unreported();
		return -ENOMEM;
	}

	/* A slice the daemon does not know: agent 0, which never has an image, so everything is denied. */
	(*id)->agent = agent ? *agent : 0;
	(*id)->slot = (*id)->agent;
	(*id)->run = bpf_get_current_ancestor_cgroup_id(cfg->slice_level + 2) ?: slice; /* or directly in the slice */
	((struct agent_task *)*id)->scratch.fresh = 1;
	return 1;
}
