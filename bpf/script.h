/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What may be executed although no rule speaks of it, because it is a part of executing a script that a rule allows:
 * the interpreter that the script's first line names, and the program that is handed to env there.
 *
 *   #!/usr/bin/python3     python3 goes on with the script
 *   #!/usr/bin/env node    env goes on with the script, and its next exec may be node
 *
 * The words of the first line must be somebody else's than the agent's: else "#!/usr/bin/curl" would be a way to run curl.
 * So the script is one that the agent's own policy does not let it write. What the words lead to must be out of its hands,
 * too, because otherwise a link of the agent's decides which program is the interpreter: the path as it is written lies in a
 * directory of the system (ROOT_TRUST) and holds no "..", and so does the place where the program really is; root owns
 * the program, and neither others nor, by its policy, the agent may write it. A script that goes on as an interpreter is
 * not one that a rule allows, so nothing goes on from there.
 *
 * env is a program, and LD_PRELOAD is not judged, so what env does next is not to be trusted either: exactly one exec of
 * that very task goes on, only with all the words that env was given, from its first to its last, and only as the program
 * of that name in a directory of the system. The agent thus gains nothing by being env.
 *
 * What the interpreter then reads is not tied to the file that was judged: a caller that names the script by a link of its
 * own can change the link before the interpreter follows it. What it gains is code of its own in a trusted interpreter,
 * which its environment gives it anyway; and that code may do what the agent may.
 */
#pragma once

#include "location.h"
#include "words.h"

/*
 * The effect of one more trie on s->name[0 .. s->names): on the location of a file, or on a path from the host's root.
 * EFFECT_DEFER is also what cannot be told, and what another image than the one that decides would say. It opens the image
 * for itself, so that it need not be static: the verifier looks at the walk once, and not once for each trie.
 */
__noinline int effect_of(struct scratch *s, __u32 root, bool host)
{
	if (!s || root >= NAME_ROOTS)
		return EFFECT_DEFER;

	__u32 slot = s->slot, generation = s->event.generation;
	void *image = bpf_map_lookup_elem(&images, &slot);
	if (!image)
		return EFFECT_DEFER;

	s->error = REASON_POLICY;
	s->cut = 0;
	s->node = open_image(s, image, root);
	if (s->event.generation != generation) {
		s->event.generation = generation;
		return EFFECT_DEFER;
	}
	if (!host)
		s->node = mount_node(s, root);
	if (s->error)
		return EFFECT_DEFER;

	__u32 verdict = match_names(s, image);
	return s->error ? EFFECT_DEFER : VERDICT_EFFECT(verdict);
}

/* Are these names, by the policy, out of the agent's hands? What cannot be told is not. */
static __always_inline bool out_of_reach(struct scratch *s, bool host)
{
	int effect = effect_of(s, ROOT_WRITE, host);

	return effect == EFFECT_DENY || effect == EFFECT_APPROVE;
}

/* One byte of a path. Returns 1 at its end, with s->error set if a name of it is empty, "." or "..". */
static long next_byte(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	__u32 at = s->offset, start = s->start;

	if (at > KEY || start > KEY) {
		s->error = REASON_UNREADABLE;
		return 1;
	}

	__u8 byte = s->data[at];
	if (byte && byte != '/') {
		s->offset = at + 1;
		return 0;
	}

	__u32 len = at - start;
	if (!len || s->names >= MAX_DEPTH ||
	    (s->data[start] == '.' && (len == 1 || (len == 2 && s->data[start + 1] == '.')))) {
		s->error = REASON_UNREADABLE;
		return 1;
	}
	s->name[s->names & (MAX_NAMES - 1)] = start << 16 | len;
	s->names++;
	s->start = at + 1;
	s->offset = at + 1;
	return !byte;
}

/* The path by which the file was named, as s->name[0 .. s->names), behind the words in s->data. */
static __noinline bool read_text(struct scratch *s, struct linux_binprm *bprm)
{
	struct walk w = { .s = s };
	__u32 at = s->used + s->event.argv_len;

	s->names = 0;
	s->error = REASON_POLICY;
	if (at > MAX_PATH + MAX_ARGV)
		return false;

	/* A path that fills the room has no end there: its last byte is read as one more of a name, and then KEY ends it. */
	long size = bpf_probe_read_kernel_str(s->data + at, IMAGE_NAME, bprm->interp);
	if (size < 2 || size >= IMAGE_NAME || s->data[at] != '/')
		return false;
	s->start = at + 1;
	s->offset = at + 1;
	bpf_loop(IMAGE_NAME, next_byte, &w, 0);
	return !s->error && s->names;
}

/* May this program go on as an interpreter? Leaves the path by which it was named in s->name. */
static __always_inline bool trusted_program(struct scratch *s, struct linux_binprm *bprm)
{
	struct inode *inode = bprm->file->f_path.dentry->d_inode;

	if (!inode || inode->i_uid.val || inode->i_mode & (S_IWGRP | S_IWOTH))
		return false;

	/* Where it is, and then what it was called. */
	s->names = s->depth;
	if (effect_of(s, ROOT_TRUST, false) != EFFECT_ALLOW || !out_of_reach(s, false))
		return false;
	return read_text(s, bprm) && effect_of(s, ROOT_TRUST, true) == EFFECT_ALLOW && out_of_reach(s, true);
}

/* Offset and length of the last name of the path by which the file was named. */
static __always_inline __u32 last_name(struct scratch *s)
{
	return s->name[(s->names - 1) & (MAX_NAMES - 1)];
}

/* Is the file that was named env? Its place may be called otherwise: busybox, coreutils. */
static __always_inline bool named_env(struct scratch *s)
{
	__u32 offset = last_name(s) >> 16;

	return (last_name(s) & 0xffff) == 3 && offset <= KEY && s->data[offset] == 'e' && s->data[offset + 1] == 'n' &&
	       s->data[offset + 2] == 'v';
}

/* The key is made when it is first needed. */
static __always_inline __u64 key_of(struct identity *id)
{
	if (!id->key)
		id->key = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	return id->key;
}

/* Remembers the words that env got, but for its own name: those of the program that it is to become. */
static __always_inline void remember_env(struct identity *id, struct scratch *s, __u32 from)
{
	__u32 end = s->used + s->event.argv_len;

	if (from <= s->used || from >= end)
		return;
	id->env_len = end - from;
	id->env_hash = hash_words(s, key_of(id), from, end - from);
	id->flags |= TASK_TO_ENV;
}

/* Are these the words that env was given, and does their first, the program's own name, say how the file was named? */
static __always_inline bool words_of_env(struct identity *id, struct scratch *s)
{
	__u64 key = key_of(id);
	__u32 len = s->event.argv_len, last = last_name(s), offset = last >> 16;

	if (len != id->env_len || len > MAX_ARGV || hash_words(s, key, s->used, len) != id->env_hash)
		return false;

	/* With the zero that ends it. */
	len = (last & 0xffff) + 1;
	return offset <= KEY && len <= s->event.argv_len &&
	       hash_words(s, key, offset, len) == hash_words(s, key, s->used, len);
}
