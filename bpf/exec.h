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
#include "conclude.h"
#include "script.h"

/* Remembers what was judged until the exec commits. */
static __always_inline void remember(struct identity *id, struct scratch *s)
{
	id->exec_len = s->event.argv_len;
	id->exec_hash = hash_words(s, key_of(id), s->used, s->event.argv_len);
	id->flags |= TASK_EXEC_JUDGED;
	if (s->observe)
		id->flags |= TASK_OBSERVED;
}

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(caisson_bprm_creds_for_exec, struct linux_binprm *bprm, int ret)
{
	struct identity *id = identity_of(bpf_get_current_task_btf());

	if (!id)
		return ret;

	id->flags &= TASK_LAUNCH | TASK_DESCENDANT | TASK_ENV;
	struct held *h = bpf_task_storage_get(&helds, bpf_get_current_task_btf(), NULL, 0);
	if (h)
		__builtin_memset(h->used, 0, sizeof(h->used));
	return ret;
}

/*
 * The program is the interpreter of an allowed script, or what env may become: may it go on? It is asked of an
 * interpreter that is allowed anyway, too, because it could be env.
 */
static __always_inline bool goes_on(struct scratch *s, struct identity *id, struct linux_binprm *bprm)
{
	__u32 flags = id->flags, cut = s->cut;
	__u32 words = s->name[(s->depth + 1) & (MAX_NAMES - 1)] >> 16; /* where argv[1] is, if there is one */

	if (s->names < s->depth + 2)
		words = 0;
	if (flags & TASK_SCRIPT) {
		if (!trusted_program(s, bprm))
			return false;
		if (named_env(s) && !cut)
			remember_env(id, s, words);
		return true;
	}
	return flags & TASK_ENV && !(flags & TASK_EXEC_JUDGED) && !cut && trusted_program(s, bprm) && words_of_env(id, s);
}

/* Notes what follows from an allowed program for its interpreter and for what it will start. */
static __always_inline void look_ahead(struct scratch *s, struct identity *id, struct linux_binprm *bprm, __u32 verdict)
{
	if (verdict & VERDICT_DESCENDANTS)
		id->flags |= TASK_TO_DESCENDANT;
	if (bprm->buf[0] != '#' || bprm->buf[1] != '!')
		return;
	s->names = s->depth;
	if (out_of_reach(s, false))
		id->flags |= TASK_SCRIPT;
}

/* From verdict and reason of the rules to the reason that counts. */
static __always_inline __u32 settle_exec(struct scratch *s, struct identity *id, struct linux_binprm *bprm, __u32 verdict,
					 __u32 reason)
{
	bool allowed = reason == REASON_LAUNCH || (reason == REASON_POLICY && VERDICT_EFFECT(verdict) == EFFECT_ALLOW);
	bool open = reason == REASON_POLICY && !verdict;
	bool on = (open || allowed) && id->flags & (TASK_SCRIPT | TASK_ENV) && goes_on(s, id, bprm);

	id->flags &= ~TASK_SCRIPT;
	if (allowed)
		look_ahead(s, id, bprm, verdict);
	else if (open && id->flags & TASK_DESCENDANT)
		return REASON_DESCENDANT;
	else if (open && on)
		return REASON_CONTINUED;
	return reason;
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

	__u32 slot = id->slot, verdict = 0;
	void *image = bpf_map_lookup_elem(&images, &slot);
	if (!image)
		return conclude(s, 0, REASON_NO_POLICY);
	if (!open_image(s, image, ROOT_EXEC))
		return conclude(s, 0, REASON_BROKEN);

	/* The operator chose the first program of a run; it and its interpreters are not the agent's doing. */
	if (!reason && id->flags & TASK_LAUNCH) {
		reason = REASON_LAUNCH;
	} else if (!reason) {
		s->node = mount_node(s, ROOT_EXEC);
		s->event.start_node = s->node;
		verdict = s->error ? 0 : match_names(s, image);
		reason = s->error;
	}

	if (!reason || reason == REASON_LAUNCH)
		reason = settle_exec(s, id, bprm, verdict, reason);

	int answer = conclude(s, verdict, reason);
	if (answer)
		return answer;
	if (s->event.reason == REASON_APPROVED) /* else settle_exec has done so */
		look_ahead(s, id, bprm, s->event.verdict);
	remember(id, s);
	return 0;
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(caisson_bprm_committed_creds, struct linux_binprm *bprm)
{
	struct identity *id = identity_of(bpf_get_current_task_btf());

	if (!id)
		return 0;

	__u32 flags = id->flags, len = id->exec_len, keep = flags & TASK_DESCENDANT;
	__u64 expected = id->exec_hash;
	if (flags & TASK_TO_DESCENDANT)
		keep |= TASK_DESCENDANT;
	if (flags & TASK_TO_ENV)
		keep |= TASK_ENV;
	id->flags = keep;
	id->start = 0; /* a thread that executes takes the number of its process's first (fs/exec.c, de_thread) */

	struct scratch *s = scratch_of(id);
	if (flags & TASK_EXEC_JUDGED && !(flags & TASK_INTERPRETER) && len <= MAX_ARGV &&
	    !bpf_copy_from_user(s->data, len, (const void *)bprm->p) && hash_words(s, id->key, 0, len) == expected)
		return 0;

	/* An agent that is only observed lives on; whoever cannot be told apart from others does not. */
	s = begin(id, ACTION_EXEC, OP_EXEC_VERIFY);
	s->observe = flags & TASK_OBSERVED;
	if (flags & TASK_INTERPRETER) {
		s->event.ino = id->interpreter_ino;
		s->event.dev = id->interpreter_dev;
	}
	if (conclude(s, 0, flags & TASK_INTERPRETER ? REASON_INTERPRETER : REASON_ARGV))
		bpf_send_signal(SIGKILL);
	return 0;
}
