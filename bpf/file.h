/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files. Reading and writing are decided when a file is opened; every other change where it is made:
 *
 *   file_open           open for reading, for writing, with O_TRUNC. Opening a program to execute it is left to exec.h.
 *   inode_create        open(O_CREAT), creat: before the file exists
 *   inode_mknod         mknod, mkfifo, bind of a Unix socket
 *   inode_mkdir, inode_rmdir, inode_unlink, inode_symlink
 *   inode_rename        both ends; an exchange calls it once for each direction
 *   inode_link          both ends
 *   inode_setattr       chmod, chown, truncate, utimes; its arguments differ between 6.1 and 6.12, hence two programs
 *   inode_setxattr, inode_removexattr, inode_set_acl, inode_remove_acl   the last two exist since 6.2
 *
 * The inode_ hooks are used rather than the path_ hooks because a location needs no mount, and because some
 * distributions build without CONFIG_SECURITY_PATH.
 */
#pragma once

#include <bpf/bpf_tracing.h>

#include "location.h"
#include "match.h"
#include "report.h"

/* Decides one access of an agent to one file. */
static __noinline int judge(struct identity *id, struct dentry *dentry, __u32 action, __u32 op)
{
	struct scratch *s = begin(id, action, op);

	if (!s)
		return -EACCES;

	struct inode *inode = dentry->d_inode;
	if (inode)
		s->event.ino = inode->i_ino;

	__u32 reason = read_location(s, dentry);
	__u32 agent = id->agent;
	void *image = bpf_map_lookup_elem(&images, &agent);
	if (!image)
		return conclude(s, 0, REASON_NO_POLICY);

	__u32 root = action == ACTION_READ ? ROOT_READ : ROOT_WRITE;
	if (!open_image(s, image, root))
		return conclude(s, 0, REASON_BROKEN);
	if (reason)
		return conclude(s, 0, reason);

	s->node = mount_node(s, root);
	s->event.start_node = s->node;
	if (s->error)
		return conclude(s, 0, s->error);

	__u32 verdict = match_names(s, image);
	return conclude(s, verdict, s->error);
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

	/* Since 6.9 a pidfd is made by opening a file of pidfs (fs/pidfs.c). It names a process and holds no data. */
	struct super_block *sb = dentry->d_sb;
	if (sb->s_magic == PID_FS_MAGIC)
		return 0;

	/* execve opens the program and its interpreters; whether they may run is decided in bprm_check_security. */
	if (flags & FMODE_EXEC)
		return 0;

	if (mode & FMODE_WRITE || flags & O_TRUNC)
		answer = judge(id, dentry, ACTION_WRITE, OP_OPEN);
	if (!answer && (mode & FMODE_READ || !(mode & FMODE_WRITE)))
		answer = judge(id, dentry, ACTION_READ, OP_OPEN);
	return answer;
}

SEC("lsm/inode_create")
int BPF_PROG(caisson_inode_create, struct inode *dir, struct dentry *dentry, __u16 mode, int ret)
{
	return ret ?: change(dentry, OP_CREATE);
}

SEC("lsm/inode_mknod")
int BPF_PROG(caisson_inode_mknod, struct inode *dir, struct dentry *dentry, __u16 mode, __u32 dev, int ret)
{
	return ret ?: change(dentry, OP_MKNOD);
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
	ret = ret ?: change(old, OP_RENAME_FROM);
	return ret ?: change(new, OP_RENAME_TO);
}

SEC("lsm/inode_link")
int BPF_PROG(caisson_inode_link, struct dentry *old, struct inode *dir, struct dentry *new, int ret)
{
	ret = ret ?: change(old, OP_LINK_FROM);
	return ret ?: change(new, OP_LINK_TO);
}

/* A truncation by open(O_TRUNC) was decided in file_open. */
static __always_inline int set_attributes(struct dentry *dentry, struct iattr *attr)
{
	if (attr->ia_valid & ATTR_OPEN)
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
