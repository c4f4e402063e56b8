//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * caisson's LSM programs. Every hook does the same four things:
 *
 *   who    identity.h   the current task's identity; no agent: return 0 at once
 *   what   location.h, argv.h, net.h   the subject, as a sequence of names that the agent cannot forge
 *   run    match.h      the decision image of that agent over the subject
 *   tell   report.h     one event with the verdict, and the hook's answer
 *
 * The hooks, and why each exists, are listed at the head of file.h, exec.h, net.h, task.h, floor.h and place.h.
 * What cannot be decided is denied: no memory, an unreadable name, an unknown superblock, an unknown socket family.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "task.h"
#include "floor.h"
#include "file.h"
#include "exec.h"
#include "net.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
