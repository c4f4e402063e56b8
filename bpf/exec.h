/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs.
 *
 *   bprm_creds_for_exec    once for each execve: forgets what an earlier one that failed left behind
 *   bprm_check_security    once for the file given to execve and once for each interpreter of a script: decides on the
 *                          location of the file that will really run and on the argument words it will really get
 *   bprm_committed_creds   when the new image is in place, before its first instruction: reads the same words through
 *                          the new image's own memory and kills the task if they are not those that were judged, if
 *                          nothing was judged at all, or if the program named an interpreter that nothing allows
 */
#pragma once

#include <bpf/bpf_tracing.h>

#include "argv.h"
#include "location.h"
#include "match.h"
#include "report.h"

/* Mixes eight bytes of the words into s->hash. */
static long hash_more(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	__u32 at = s->hash_at, len = s->hash_left;

	if (!len || at > MAX_PATH + MAX_ARGV)
		return 1;

	s->hash = (s->hash ^ name_word(s->data + at, 0, len)) * 0xff51afd7ed558ccdULL;
	s->hash ^= s->hash >> 32;
	s->hash_at = at + 8;
	s->hash_left = len > 8 ? len - 8 : 0;
	return 0;
}

/* Of the words at data[at .. at+len); recognises a difference, proves nothing else. */
static __noinline __u64 hash_words(struct scratch *s, __u32 at, __u32 len)
{
	struct walk w = { .s = s };

	s->hash = len;
	s->hash_at = at;
	s->hash_left = len;
	bpf_loop(MAX_ARGV / 8, hash_more, &w, 0);
	return s->hash;
}

/* Remembers what was judged until the exec commits. */
static __always_inline void remember(struct identity *id, struct scratch *s)
{
	id->exec_len = s->event.argv_len;
	id->exec_hash = hash_words(s, s->used, s->event.argv_len);
	id->flags |= TASK_EXEC_JUDGED;
}

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(caisson_bprm_creds_for_exec, struct linux_binprm *bprm, int ret)
{
	struct identity *id = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), NULL, 0);

	if (id)
		id->flags &= TASK_LAUNCH;
	return ret;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(caisson_bprm_check_security, struct linux_binprm *bprm, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	struct scratch *s = begin(id, ACTION_EXEC, OP_EXEC);
	if (!s)
		return -EACCES;

	struct dentry *dentry = bprm->file->f_path.dentry;
	struct inode *inode = dentry->d_inode;
	struct super_block *sb = dentry->d_sb;
	if (inode)
		s->event.ino = inode->i_ino;

	/* The interpreter of a script: it was only opened so far, and is judged now. */
	if (id->flags & TASK_INTERPRETER && s->event.ino == id->interpreter_ino && sb->s_dev == id->interpreter_dev)
		id->flags &= ~TASK_INTERPRETER;

	__u32 reason = read_location(s, dentry);
	if (!reason)
		read_argv(s, bprm);

	__u32 slot = id->slot;
	void *image = bpf_map_lookup_elem(&images, &slot);
	if (!image)
		return conclude(s, 0, REASON_NO_POLICY);
	if (!open_image(s, image, ROOT_EXEC))
		return conclude(s, 0, REASON_BROKEN);
	if (reason)
		return conclude(s, 0, reason);

	/* The operator chose the first program of a run; it and its interpreters are not the agent's doing. */
	if (id->flags & TASK_LAUNCH) {
		remember(id, s);
		return conclude(s, 0, REASON_LAUNCH);
	}

	s->node = mount_node(s, ROOT_EXEC);
	s->event.start_node = s->node;
	if (s->error)
		return conclude(s, 0, s->error);

	__u32 verdict = match_names(s, image);
	if (!s->error && VERDICT_EFFECT(verdict) == EFFECT_ALLOW)
		remember(id, s);
	return conclude(s, verdict, s->error);
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(caisson_bprm_committed_creds, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct identity *id = bpf_task_storage_get(&tasks, task, NULL, 0);

	if (!id)
		return 0;

	__u32 flags = id->flags, len = id->exec_len;
	__u64 expected = id->exec_hash;
	id->flags = 0;

	struct scratch *s = bpf_task_storage_get(&scratches, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (s && flags & TASK_EXEC_JUDGED && !(flags & TASK_INTERPRETER) && len <= MAX_ARGV &&
	    !bpf_copy_from_user(s->data, len, (const void *)bprm->p) && hash_words(s, 0, len) == expected)
		return 0;

	/* Signal first: whether it can be reported does not matter as much. */
	bpf_send_signal(SIGKILL);
	s = begin(id, ACTION_EXEC, OP_EXEC_VERIFY);
	if (!s)
		return 0;
	if (flags & TASK_INTERPRETER) {
		s->event.ino = id->interpreter_ino;
		s->event.dev = id->interpreter_dev;
	}
	conclude(s, 0, flags & TASK_INTERPRETER ? REASON_INTERPRETER : REASON_ARGV);
	return 0;
}
