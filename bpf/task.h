/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tasks.
 *
 *   task_alloc   copies the identity to the child before it can run; a child that cannot have it is not made
 */
#pragma once

#include <bpf/bpf_tracing.h>

#include "identity.h"

SEC("lsm/task_alloc")
int BPF_PROG(caisson_task_alloc, struct task_struct *task, unsigned long clone_flags, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	struct identity *copy = new_identity(task);
	if (!copy)
		return -ENOMEM;
	copy->agent = id->agent;
	copy->slot = id->slot;
	copy->run = id->run;
	copy->flags = id->flags & TASK_DESCENDANT; /* a launch, and what env may do, are for the task they were given to */
	return 0;
}
