/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hard floor, so far: what is refused to every agent, root or not, because it would change what the other hooks rely
 * on. No rule can allow it.
 *
 *   sb_mount, sb_remount, sb_umount, move_mount, sb_pivotroot   the mount table says what locations mean, and unmounting
 *                         the bpffs would let go of the programs; move_mount is also how fsmount(2) makes a mount visible
 *   bpf                   the maps and programs themselves
 *   ptrace_access_check   processes outside the run: ptrace, process_vm_writev, pidfd_getfd, /proc/PID/{mem,fd,root}
 *   inode_mknod           device nodes (file.h): they reach below every file system
 */
#pragma once

#include <bpf/bpf_tracing.h>

#include "location.h"
#include "report.h"

/* Refuses, with the location of `dentry`, if there is one, in the report. */
static __noinline int refuse(struct identity *id, struct dentry *dentry, __u32 op)
{
	struct scratch *s = begin(id, ACTION_FLOOR, op);

	if (dentry)
		read_location(s, dentry);
	return conclude(s, 0, REASON_FLOOR);
}

static __always_inline int floor_refuses(struct dentry *dentry, __u32 op)
{
	struct identity *id;
	int agent = who(&id);

	return agent <= 0 ? agent : refuse(id, dentry, op);
}

SEC("lsm/sb_mount")
int BPF_PROG(caisson_sb_mount, const char *source, struct path *path, const char *type, __u64 flags, void *data, int ret)
{
	return ret ?: floor_refuses(path->dentry, OP_MOUNT);
}

SEC("lsm/sb_remount")
int BPF_PROG(caisson_sb_remount, struct super_block *sb, void *options, int ret)
{
	return ret ?: floor_refuses(sb->s_root, OP_MOUNT);
}

SEC("lsm/sb_umount")
int BPF_PROG(caisson_sb_umount, void *mount, int flags, int ret)
{
	return ret ?: floor_refuses(NULL, OP_UMOUNT);
}

SEC("lsm/move_mount")
int BPF_PROG(caisson_move_mount, struct path *from, struct path *to, int ret)
{
	return ret ?: floor_refuses(to->dentry, OP_MOUNT);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(caisson_sb_pivotroot, struct path *old, struct path *new, int ret)
{
	return ret ?: floor_refuses(new->dentry, OP_MOUNT);
}

SEC("lsm/bpf")
int BPF_PROG(caisson_bpf, int command, void *attr, unsigned int size, int ret)
{
	return ret ?: floor_refuses(NULL, OP_BPF);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(caisson_ptrace_access_check, struct task_struct *child, unsigned int mode, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	struct identity *other = identity_of(child);
	if (other && other->agent == id->agent && other->run == id->run)
		return 0;
	return mode & PTRACE_MODE_NOAUDIT ? -EACCES : refuse(id, NULL, OP_PTRACE);
}
