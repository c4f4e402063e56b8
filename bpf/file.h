/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files. Reading and writing are decided when a file is opened; every other change where it is made:
 *
 *   file_open           open for reading, for writing, with O_TRUNC; and the interpreter that a program names, which
 *                       execve opens. The program itself is left to exec.h. Writing to the file that this very open made
 *                       was decided by inode_create, see was_made().
 *   inode_create        open(O_CREAT), creat: before the file exists
 *   inode_mknod         mkfifo, bind of a Unix socket; device nodes are refused (floor.h)
 *   inode_mkdir, inode_rmdir, inode_unlink, inode_symlink
 *   inode_rename        both ends, see move(); an exchange calls it once for each direction
 *   inode_link          both ends, see move()
 *   inode_setattr       chmod, chown, truncate, utimes; its arguments differ between 6.1 and 6.12, hence two programs
 *   inode_setxattr, inode_removexattr, inode_set_acl, inode_remove_acl   the last two exist since 6.2
 *
 * The inode_ hooks are used rather than the path_ hooks because a location needs no mount, and because some
 * distributions build without CONFIG_SECURITY_PATH.
 */
#pragma once

#include <bpf/bpf_tracing.h>

#include "floor.h"
#include "location.h"
#include "match.h"
#include "place.h"
#include "conclude.h"

/*
 * The verdict on one access of an agent to one file; 0 if s->error says why there is none. Walks from the top only if neither
 * the directory nor the one above it is remembered. There is one call of each loop, and what differs between the ways to it stands in the map, where the
 * verifier does not look: else it would follow the loops for each way.
 */
static __noinline __u32 consider(struct scratch *s, struct dentry *dentry, __u32 action)
{
	__u32 root = action == ACTION_READ ? ROOT_READ : ROOT_WRITE, slot = s->slot;
	struct inode *inode = dentry->d_inode;
	struct super_block *sb = dentry->d_sb;
	void *image = bpf_map_lookup_elem(&images, &slot);

	if (inode)
		s->event.ino = inode->i_ino;
	s->event.dev = sb->s_dev;
	s->epoch = epoch_now();
	s->last = 0;
	s->settled = 0;
	note_directory(s, dentry);

	__u64 dir = s->dir;
	bool open = image && open_image(s, image, root);
	s->recalled = open && recall(s, root);
	if (!s->recalled && !(open && recall_above(s, dentry, root))) {
		s->settled = 0;
		__u32 reason = read_location(s, dentry);
		if (!open) {
			s->error = image ? REASON_BROKEN : REASON_NO_POLICY;
			return 0;
		}
		if (reason)
			return 0;
		s->node = mount_node(s, root);
		s->event.start_node = s->node;
		if (s->error)
			return 0;
	} else if (s->recalled && s->settled) {
		return s->verdict;
	}
	barrier();

	__u32 verdict = s->settled ? s->verdict : match_names(s, image);
	if (!s->recalled && !s->error) {
		note_directory(s, dentry);
		if (s->dir == dir && same_forever(sb)) /* else it was moved before it was walked, or could be unnoticed */
			enter(s, root, verdict);
	}
	return verdict;
}

/*
 * A pipe that is opened again through /proc/self/fd: floor.h keeps the agent from those of others. Or a pidfd, which since
 * 6.9 is made by opening a file of pidfs (fs/pidfs.c): it names a process and holds no data.
 */
static __always_inline bool has_no_place(struct dentry *dentry)
{
	struct super_block *sb = dentry->d_sb;
	unsigned long magic = sb->s_magic;

	return magic == PIPEFS_MAGIC || magic == PID_FS_MAGIC;
}

/* Decides one access, and reports it. */
static __always_inline int judge_as(struct identity *id, struct dentry *dentry, __u32 action, __u32 op, bool created)
{
	struct scratch *s = begin(id, action, op);

	s->created = created;

	__u32 verdict = consider(s, dentry, action);
	if (op == OP_OPEN && s->error == REASON_DETACHED && has_no_place(dentry))
		return 0;
	return conclude(s, verdict, s->error);
}

static __always_inline int judge(struct identity *id, struct dentry *dentry, __u32 action, __u32 op)
{
	return judge_as(id, dentry, action, op, false);
}

/* The same for an open, which may have made the file. */
static __always_inline int judge_opened(struct identity *id, struct dentry *dentry, __u32 action, bool created)
{
	return judge_as(id, dentry, action, OP_OPEN, created);
}

/* May the agent read this? Nothing is reported: it did not try to. */
static __noinline bool readable(struct identity *id, struct dentry *dentry)
{
	struct scratch *s = begin(id, ACTION_READ, 0);

	__u32 verdict = consider(s, dentry, ACTION_READ);
	return !s->error && VERDICT_EFFECT(verdict) == EFFECT_ALLOW;
}

/* A change of the file system at a dentry, if the current task is an agent. */
static __always_inline int change(struct dentry *dentry, __u32 op)
{
	struct identity *id;
	int agent = who(&id);

	if (agent <= 0)
		return agent;
	return judge(id, dentry, ACTION_WRITE, op);
}

/*
 * A name for a file moves, or it gains another. Both places must be writable, and the new place must not let the agent
 * read what the old one did not. What is decided about a directory holds for all that moves with it, so no rule may look
 * below either place: else moving the directory would carry a file away from the rule that denies it.
 */
static __always_inline int move(struct dentry *from, struct dentry *to, __u32 op_from, __u32 op_to)
{
	struct identity *id;
	int agent = who(&id);

	if (agent <= 0)
		return agent;

	struct scratch *s = scratch_of(id);
	s->mixed = 0;

	int answer = judge(id, from, ACTION_WRITE, op_from);
	if (!answer)
		answer = judge(id, to, ACTION_WRITE, op_to);
	if (answer)
		return answer;

	bool had = readable(id, from), has = readable(id, to);
	if (has && !had)
		return judge(id, from, ACTION_READ, op_from);

	struct inode *inode = from->d_inode;
	if (s->mixed && inode && (inode->i_mode & S_IFMT) == S_IFDIR) {
		__u32 observe = s->observe;

		s = begin(id, ACTION_WRITE, op_from);
		s->observe = observe;
		read_location(s, from);
		return conclude(s, 0, REASON_SUBTREE);
	}
	return 0;
}

/*
 * execve opens the program, which bprm_check_security judges, and then the interpreter that the program names: a script's
 * is judged there, too, but an ELF file's loader is not. It must be readable, as the baseline's are, or be judged after
 * all before the exec commits (exec.h).
 */
static __always_inline int open_to_execute(struct identity *id, struct dentry *dentry)
{
	if (!(id->flags & TASK_EXEC_JUDGED) || id->flags & TASK_LAUNCH || readable(id, dentry))
		return 0;

	struct inode *inode = dentry->d_inode;
	struct super_block *sb = dentry->d_sb;
	if (!inode)
		return -EACCES;

	id->interpreter_ino = inode->i_ino;
	id->interpreter_dev = sb->s_dev;
	id->flags |= TASK_INTERPRETER;
	return 0;
}

/*
 * Has inode_create just decided what writing to this file would be asked? It did so for this very open: FMODE_CREATED says
 * that lookup_open, which asks inode_create first, or the file system's atomic_open made the file; it was the task's last
 * decision; and it was about this dentry. Making and writing are one action, and nothing has changed that the answer depends
 * on: the policy, the mounts, and every name on the way to the file are as they were. A file without a name (O_TMPFILE) was
 * never asked about, whatever some kernel's f_mode says; and what a policy that only observes would have refused is reported
 * twice.
 */
static __always_inline bool was_made(struct identity *id, struct dentry *dentry, unsigned int mode, unsigned int flags)
{
	struct scratch *s = scratch_of(id);

	if (!(mode & FMODE_CREATED) || flags & __O_TMPFILE || !dentry || s->made != (__u64)dentry)
		return false;
	s->made = 0;

	__u32 slot = id->slot;
	void *image = bpf_map_lookup_elem(&images, &slot);
	const union cell *header = image ? cell_at(image, 0) : NULL;

	return header && header->header.generation == s->event.generation && s->epoch && s->epoch == epoch_now() &&
	       s->sequence == rename_sequence();
}

SEC("lsm/file_open")
int BPF_PROG(caisson_file_open, struct file *file, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	unsigned int mode = file->f_mode, flags = file->f_flags;
	struct dentry *dentry = file->f_path.dentry;
	int answer = 0;

	if (flags & FMODE_EXEC)
		return open_to_execute(id, dentry);

	/* O_TMPFILE makes a file that nobody was asked for. */
	bool created = mode & FMODE_CREATED && !(flags & __O_TMPFILE);

	if ((mode & FMODE_WRITE || flags & O_TRUNC) && !was_made(id, dentry, mode, flags))
		answer = judge_opened(id, dentry, ACTION_WRITE, created);
	if (!answer && (mode & FMODE_READ || !(mode & FMODE_WRITE)))
		answer = judge_opened(id, dentry, ACTION_READ, created);
	return answer;
}

SEC("lsm/inode_create")
int BPF_PROG(caisson_inode_create, struct inode *dir, struct dentry *dentry, __u16 mode, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	int answer = judge(id, dentry, ACTION_WRITE, OP_CREATE);
	struct scratch *s = scratch_of(id);
	if (s->event.reason == REASON_POLICY && VERDICT_EFFECT(s->event.verdict) == EFFECT_ALLOW)
		s->made = (__u64)dentry;
	return answer;
}

SEC("lsm/inode_mknod")
int BPF_PROG(caisson_inode_mknod, struct inode *dir, struct dentry *dentry, __u16 mode, __u32 dev, int ret)
{
	__u32 type = mode & S_IFMT;

	if (ret)
		return ret;
	if (type == S_IFCHR || type == S_IFBLK)
		return floor_refuses(dentry, OP_MKNOD);
	return change(dentry, OP_MKNOD);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(caisson_inode_mkdir, struct inode *dir, struct dentry *dentry, __u16 mode, int ret)
{
	return ret ?: change(dentry, OP_MKDIR);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(caisson_inode_rmdir, struct inode *dir, struct dentry *dentry, int ret)
{
	return ret ?: change(dentry, OP_RMDIR);
}

SEC("lsm/inode_unlink")
int BPF_PROG(caisson_inode_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	return ret ?: change(dentry, OP_UNLINK);
}

SEC("lsm/inode_symlink")
int BPF_PROG(caisson_inode_symlink, struct inode *dir, struct dentry *dentry, const char *target, int ret)
{
	return ret ?: change(dentry, OP_SYMLINK);
}

SEC("lsm/inode_rename")
int BPF_PROG(caisson_inode_rename, struct inode *old_dir, struct dentry *old, struct inode *new_dir,
	     struct dentry *new, int ret)
{
	return ret ?: move(old, new, OP_RENAME_FROM, OP_RENAME_TO);
}

SEC("lsm/inode_link")
int BPF_PROG(caisson_inode_link, struct dentry *old, struct inode *dir, struct dentry *new, int ret)
{
	return ret ?: move(old, new, OP_LINK_FROM, OP_LINK_TO);
}

static __always_inline int set_attributes(struct dentry *dentry, struct iattr *attr)
{
	struct super_block *sb = dentry->d_sb;

	/* A truncation by open(O_TRUNC) was decided in file_open. */
	if (attr->ia_valid & ATTR_OPEN)
		return 0;
	/* A memfd, a pipe or a socket: only who has it open can do this, and it has no place that a rule could name. */
	if (sb->s_flags & SB_NOUSER)
		return 0;
	return change(dentry, OP_SETATTR);
}

SEC("lsm/inode_setattr")
int BPF_PROG(caisson_inode_setattr_two, struct dentry *dentry, struct iattr *attr, int ret)
{
	return ret ?: set_attributes(dentry, attr);
}

SEC("lsm/inode_setattr")
int BPF_PROG(caisson_inode_setattr_three, void *idmap, struct dentry *dentry, struct iattr *attr, int ret)
{
	return ret ?: set_attributes(dentry, attr);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(caisson_inode_setxattr, void *idmap, struct dentry *dentry, const char *name, const void *value,
	     __u64 size, int flags, int ret)
{
	return ret ?: change(dentry, OP_XATTR);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(caisson_inode_removexattr, void *idmap, struct dentry *dentry, const char *name, int ret)
{
	return ret ?: change(dentry, OP_XATTR);
}

SEC("lsm/inode_set_acl")
int BPF_PROG(caisson_inode_set_acl, void *idmap, struct dentry *dentry, const char *name, void *acl, int ret)
{
	return ret ?: change(dentry, OP_XATTR);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(caisson_inode_remove_acl, void *idmap, struct dentry *dentry, const char *name, int ret)
{
	return ret ?: change(dentry, OP_XATTR);
}
