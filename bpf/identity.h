/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who the current task is. Task storage is the identity: it is set once, copied on fork (task.h) and never depends on
 * anything the task can change. A task without it that stands below caisson.slice was started there by systemd or by an
 * operator; it gets the identity of the slice it is in, at its first hook, and keeps it.
 */
#pragma once

#include "kernel.h"
#include "maps.h"

/* 0: not an agent. 1: an agent, *id is set. Negative: an agent whose identity could not be stored; deny. */
static __always_inline int who(struct identity **id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;

	/* No storage of any kind: the usual case on a host, and a load is cheaper than a call that finds nothing. */
	*id = task->bpf_storage ? bpf_task_storage_get(&tasks, task, NULL, 0) : NULL;
	if (*id)
		return 1;

	struct config *cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg || !cfg->slice || bpf_get_current_ancestor_cgroup_id(cfg->slice_level) != cfg->slice)
		return 0;

	struct identity fresh = {};
	__u64 slice = bpf_get_current_ancestor_cgroup_id(cfg->slice_level + 1);
	__u32 *agent = bpf_map_lookup_elem(&slices, &slice);

	/* A slice the daemon does not know: agent 0, which never has an image, so everything is denied. */
	fresh.agent = agent ? *agent : 0;
	fresh.slot = fresh.agent;
	fresh.run = bpf_get_current_ancestor_cgroup_id(cfg->slice_level + 2);
	if (!fresh.run) /* directly in the slice */
		fresh.run = slice;
	*id = bpf_task_storage_get(&tasks, task, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return *id ? 1 : -ENOMEM;
}
