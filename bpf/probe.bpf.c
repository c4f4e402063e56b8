//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The smallest program that proves enforcement: refuses every file_open of one thread, the one that asks. A host can list
 * bpf among its LSMs and still not run such a program, or run it and ignore what it says; only a denial that was seen
 * counts.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel.h"

volatile __u32 probe_thread; /* thread id in the initial PID namespace; 0: nobody */

SEC("lsm/file_open")
int BPF_PROG(probe_file_open, struct file *file, int ret)
{
	if (ret)
		return ret;
	return probe_thread && (__u32)bpf_get_current_pid_tgid() == probe_thread ? -EACCES : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
