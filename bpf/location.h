/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a file is: its superblock, and the names from that superblock's root down to it. Mounts, chroot, bind mounts and
 * symlinks play no part; an agent can change all of those, but not this. The host's mount table says where in the policy a
 * superblock's root stands (map `mounts`); a superblock it does not know is denied.
 */
#pragma once

#include <stdbool.h>

#include "kernel.h"
#include "match.h"

/* seqlock_t of fs/dcache.c: odd while a rename moves a dentry, changed after it. Its first word is the sequence. */
extern void rename_lock __ksym;

static __always_inline __u32 rename_sequence(void)
{
	__u32 sequence = 1;

	bpf_probe_read_kernel(&sequence, sizeof(sequence), &rename_lock);
	return sequence;
}

/*
 * /proc/PID of the caller itself is called "self": a rule can then mean it, whatever its number. Is that the number at
 * data[1]? Not static, as in match.h.
 */
__noinline int own_pid(struct scratch *s, __u32 len)
{
	__u32 pid = 0;

	if (!s)
		return 0;
	for (__u32 i = 0; i < 10; i++) {
		__u32 digit = s->data[1 + i] - '0';

		if (i >= len)
			break;
		if (digit > 9)
			return 0;
		pid = pid * 10 + digit;
	}
	return len && len <= 10 && pid == bpf_get_current_pid_tgid() >> 32;
}

/* Copies the i-th name from the top behind a slash. Returns 1 to end the loop, with s->error set if it failed. */
static long copy_name(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	__u32 from = (s->depth - 1 - i) & (MAX_DEPTH - 1);

	__u32 len = s->text_len[from], used = s->used;
	if (len > IMAGE_NAME) {
		s->error = REASON_UNREADABLE;
		return 1;
	}
	if (used >= MAX_PATH || used + 1 + len > MAX_PATH) {
		s->error = REASON_TOO_DEEP;
		return 1;
	}

	__u8 *name = s->data + used + 1;
	s->data[used] = '/';
	if (bpf_probe_read_kernel(name, len, (const void *)s->text[from])) {
		s->error = REASON_UNREADABLE;
		return 1;
	}
	if (i == 0 && s->procfs && own_pid(s, len)) {
		__builtin_memcpy(name, "self", 4);
		len = 4;
	}

	s->name[i & (MAX_DEPTH - 1)] = (used + 1) << 16 | len;
	s->used = used + 1 + len;
	return 0;
}

/* The way up; on the stack because the verifier forgets what a pointer points to when it is stored in a map. */
struct climb {
	struct scratch *s;
	struct dentry *at;
	struct dentry *from;
};

/* One step up: notes where the name stands. Returns 1 at the top. */
static long climb_up(__u32 i, struct climb *c)
{
	struct scratch *s = c->s;
	struct dentry *at = c->at, *parent = at->d_parent;

	s->depth = i;
	if (parent == at) {
		s->top = 1;
		return 1;
	}

	s->text[i & (MAX_DEPTH - 1)] = (__u64)at->d_name.name;
	s->text_len[i & (MAX_DEPTH - 1)] = at->d_name.len;
	c->at = parent;
	return 0;
}

/* Reads the location once, into s->error what came of it. Returns 0 to try again: a rename came between. */
static long try_location(__u32 i, struct climb *c)
{
	struct scratch *s = c->s;
	struct walk w = { .s = s };
	struct super_block *sb = c->from->d_sb;
	__u32 before = rename_sequence();

	s->used = 0;
	s->names = 0;
	s->error = REASON_POLICY;
	s->top = 0;
	c->at = c->from;
	bpf_loop(MAX_DEPTH, climb_up, c, 0);
	if (!s->top)
		s->error = REASON_TOO_DEEP;
	else if (c->at != sb->s_root)
		s->error = REASON_DETACHED;
	else
		bpf_loop(s->depth, copy_name, &w, 0);

	if (before & 1 || before != rename_sequence()) {
		s->error = REASON_RACE;
		return 0;
	}
	s->sequence = before;
	s->names = s->depth;
	return 1;
}

/* The location of a dentry as s->name[0 .. s->names) and s->event.path_len bytes of s->data; or the reason why not. */
static __always_inline __u32 read_location(struct scratch *s, struct dentry *dentry)
{
	struct climb c = { .s = s, .at = dentry, .from = dentry };
	struct super_block *sb = dentry->d_sb;

	s->procfs = sb->s_magic == PROC_SUPER_MAGIC;
	s->event.dev = sb->s_dev;
	s->depth = 0;
	bpf_loop(8, try_location, &c, 0);

	__u32 used = s->used;
	s->event.path_len = used <= MAX_PATH ? used : 0;
	return s->error;
}

/* The node of the image at which the walk over the location starts; 0: the host has not mounted that superblock. */
static __always_inline __u32 mount_node(struct scratch *s, enum image_root root)
{
	struct mount_key key = { .generation = s->event.generation, .dev = s->event.dev };
	struct mount_nodes *nodes = bpf_map_lookup_elem(&mounts, &key);

	if (!nodes)
		s->error = REASON_NOT_MOUNTED;
	barrier_var(root); /* the compiler knows that it is in range, the verifier does not */
	return nodes && root < NAME_ROOTS ? nodes->node[root] : 0;
}
