/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Directories whose location has been read and walked before. An open in one of them needs no walk: its location is the
 * directory's and the leaf's name, and its walk over the image starts where the directory's ended.
 *
 * An entry says: this directory is at this location, and this image comes to this node there. It is used only if nothing
 * has happened since it was made that could make either untrue:
 *
 *   a rename of the directory     d_move holds rename_lock (fs/dcache.c), the only way in which the name or the parent of a
 *   or of one above it            living dentry changes. The entry carries the sequence that was read before the walk, and
 *                                 which the walk found unchanged and even afterwards; it is used only if the sequence is
 *                                 still that when everything, the leaf's name and parent included, has been read.
 *   the dentry's memory now       the key has inode number, i_generation and s_dev of the directory beside its address. On
 *   belongs to another directory  the file systems of same_forever() a pair of number and generation is not used again.
 *                                 Others, among them those whose directories can move behind the kernel's back, are never
 *                                 entered.
 *   the file system was           every superblock that is made counts up epochs[SUPERBLOCKS] before its first dentry
 *   unmounted, changed elsewhere, exists, so an entry of an earlier mount cannot be used in a later one.
 *   and mounted again
 *   the mount table changed       epochs[MOUNTS] is odd while the daemon changes `mounts`, and larger afterwards. The entry
 *                                 carries the sum of the epochs that was read before `mounts` was looked at.
 *   the policy changed            the key has the generation of the image, which no two images share.
 *   rename_lock's sequence has    it has 32 bits, and two renames a nanosecond do not use them up in PLACE_LIFE, after which
 *   gone round once               an entry is not used
 *   two tasks write the entry     `version` is odd while one does; the other does without. A reader that finds it changed
 *                                 has read nothing.
 *
 *
 * A directory that has no entry may be found by that of the one above it, and then gets one itself: its location is that
 * one's and its own name, and its walk goes on where that one's ended. All is read while the entry above holds, until after
 * the last name: its sequence, which is still rename_lock's then, becomes the new entry's, as does the sum of the epochs. So
 * the new entry is as true, at the time it is made, as one that was walked from the top. A name in between cannot have gone:
 * a dentry holds its parent. What is entered of a file system that same_forever() does not know has nothing above it, either.
 *
 * Mounts, chroot, bind mounts and symlinks play no part, as in location.h.
 */
#pragma once

#include <stdbool.h>

#include "kernel.h"
#include "location.h"
#include "match.h"

/* arm64 may reorder loads; an atomic operation that returns a value orders everything. x86-64 needs only the compiler's. */
static __always_inline void in_order(struct scratch *s)
{
#if defined(__TARGET_ARCH_arm64)
	__u64 old = __sync_fetch_and_add(&s->fence, 1);

	barrier_var(old);
#else
	barrier();
#endif
}

/* File systems on which inode number and i_generation together name one inode for ever, and nothing moves by itself. */
static __always_inline bool same_forever(struct super_block *sb)
{
	unsigned long magic = sb->s_magic;

	return magic == TMPFS_MAGIC || magic == EXT4_SUPER_MAGIC || magic == XFS_SUPER_MAGIC || magic == F2FS_SUPER_MAGIC;
}

/*
 * Grows whenever `mounts` has changed or a superblock is made; each part only grows, so equal sums are equal parts. 0: the
 * daemon is changing `mounts`, or has not begun; nothing is remembered then.
 */
static __always_inline __u64 epoch_now(void)
{
	__u32 at_mounts = MOUNTS, at_superblocks = SUPERBLOCKS;
	volatile __u64 *of_mounts = bpf_map_lookup_elem(&epochs, &at_mounts);
	volatile __u64 *of_superblocks = bpf_map_lookup_elem(&epochs, &at_superblocks);

	if (!of_mounts || !of_superblocks)
		return 0;
	__u64 mounts = *of_mounts;
	return mounts & 1 ? 0 : mounts + *of_superblocks;
}

/* Copies 32 bytes: of a map, or of a kernel object that BTF describes. */
static __always_inline void copy_32(__u64 *to, const __u64 *from)
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

/* Notes which directory `dentry` is in and what it is called there. What follows need not see a dentry. */
static __always_inline void note_directory(struct scratch *s, struct dentry *dentry)
{
	struct dentry *dir = dentry->d_parent;
	struct inode *inode = dir->d_inode;

	s->dir = (__u64)dir;
	s->dir_ino = inode->i_ino;
	s->dir_generation = inode->i_generation;
	s->leaf = (__u64)dentry->d_name.name;
	s->leaf_len = dentry->d_name.len;
	s->leaf_inline = bpf_core_field_exists(dentry->d_iname) && s->leaf == (__u64)&dentry->d_iname;
	/* A short name stands in the dentry. To load it costs half of a call of bpf_probe_read_kernel. */
	if (s->leaf_inline)
		copy_32((__u64 *)(s->data + KEY), (const __u64 *)dentry->d_iname);
	s->inside = dir != dentry && inode;
}

/* The only entry that may hold a directory. */
static __always_inline struct place *place_for(__u64 dir, __u32 image, __u32 root)
{
	__u32 at = ((__u32)(dir >> 6) ^ (image << 1 | root) * 0x85ebca6b) * 0x9e3779b1 >> (32 - PLACE_BITS);

	return bpf_map_lookup_elem(&places, &at);
}

/* Copies `len` bytes of a location, and up to 31 behind them. */
static __always_inline void copy_text(__u64 *to, const __u64 *from, __u32 len)
{
	for (__u32 i = 0; i < PLACE_TEXT / 8 && i * 8 < len; i += 4)
		copy_32(to + i, from + i);
}

/* Appends the leaf's name to the location of its directory, as s->name[at]. */
static __always_inline bool add_leaf(struct scratch *s, __u32 used, __u32 at)
{
	__u32 len = s->leaf_len;

	barrier_var(used); /* else a copy is used that the verifier of 6.1 has not seen compared */
	if (used > PLACE_TEXT || len > IMAGE_NAME)
		return false;
	s->data[used] = '/';
	if (s->leaf_inline)
		copy_32((__u64 *)(s->data + used + 1), (const __u64 *)(s->data + KEY));
	else if (bpf_probe_read_kernel(s->data + used + 1, len, (const void *)s->leaf))
		return false;

	s->name[at] = (used + 1) << 16 | len;
	s->names = at + 1;
	s->used = used + 1 + len;
	s->event.path_len = s->used;
	return true;
}

/*
 * Finds the noted directory. True: the location stands in s->data and its leaf in s->name[0], s->node is where the
 * directory's walk ended and s->settled whether s->verdict is already the answer. False: nothing is known. Not static, as
 * in match.h, and so is enter().
 */
__noinline int recall(struct scratch *s, __u32 root)
{
	if (!s || !s->epoch || !s->inside)
		return 0;

	struct place *p = place_for(s->dir, s->event.generation, root);
	if (!p)
		return 0;

	__u64 version = *(volatile __u64 *)&p->version;
	in_order(s);
	if (version & 1 || p->dir != s->dir || p->image != s->event.generation || p->root != root ||
	    p->epoch != s->epoch || p->ino != s->dir_ino || p->inode_generation != s->dir_generation ||
	    p->dev != s->event.dev || s->event.time - p->time > PLACE_LIFE)
		return 0;

	__u32 used = p->len, sequence = p->sequence;
	copy_text((__u64 *)s->data, (const __u64 *)p->text, used);
	s->event.start_node = p->start_node;
	s->node = p->node;
	s->settled = p->settled;
	s->verdict = p->verdict;
	s->sequence = sequence;
	if (!add_leaf(s, used, 0))
		return 0;

	in_order(s);
	return version == *(volatile __u64 *)&p->version && sequence == rename_sequence();
}

/*
 * One name down from the directory that was recalled: it is s->name[0] now, and the leaf that has been noted since becomes
 * s->name[1]. Not if a name has moved since the recalled entry was made.
 */
__noinline int descend(struct scratch *s)
{
	if (!s || !s->inside || !add_leaf(s, s->used, 1))
		return 0;

	in_order(s);
	return s->sequence == rename_sequence();
}

/*
 * Finds the directory that `dentry` is in by the one above it. True: as recall(), but two names are left to walk, and the
 * directory is not entered yet. It is noted again in any case.
 */
static __always_inline bool recall_above(struct scratch *s, struct dentry *dentry, __u32 root)
{
	struct dentry *dir = dentry->d_parent;

	note_directory(s, dir);
	bool known = recall(s, root);
	note_directory(s, dentry);
	return known && s->dir == (__u64)dir && descend(s);
}

/*
 * Enters the noted directory of what was just walked, from the top or from the directory above: all names but the last led
 * to s->last; or, if that is 0, the walk was over before with this verdict, which then holds for everything in the directory.
 */
__noinline int enter(struct scratch *s, __u32 root, __u32 verdict)
{
	if (!s || !s->epoch || !s->inside || !s->names)
		return 0;

	__u32 leaf = s->name[(s->names - 1) & (MAX_NAMES - 1)] >> 16, len = leaf - 1;
	struct place *p = place_for(s->dir, s->event.generation, root);
	if (!p || !leaf || len > PLACE_TEXT)
		return 0;

	__u64 version = *(volatile __u64 *)&p->version;
	if (version & 1 || __sync_val_compare_and_swap(&p->version, version, version + 1) != version)
		return 0;

	p->dir = s->dir;
	p->ino = s->dir_ino;
	p->inode_generation = s->dir_generation;
	p->dev = s->event.dev;
	p->image = s->event.generation;
	p->root = root;
	p->epoch = s->epoch;
	p->time = s->event.time;
	p->sequence = s->sequence;
	p->start_node = s->event.start_node;
	p->node = s->last;
	p->settled = !s->last;
	p->verdict = verdict;
	p->len = len;
	copy_text((__u64 *)p->text, (const __u64 *)s->data, len);
	__sync_lock_test_and_set(&p->version, version + 2);
	return 0;
}

/* A superblock is made: what was known of an earlier one on the same device is no longer used. */
SEC("lsm/sb_alloc_security")
int BPF_PROG(caisson_sb_alloc_security, struct super_block *sb, int ret)
{
	__u32 at = SUPERBLOCKS;
	__u64 *epoch = bpf_map_lookup_elem(&epochs, &at);

	if (epoch)
		__sync_fetch_and_add(epoch, 1);
	return ret;
}
