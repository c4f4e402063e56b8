/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's structures, reduced to the fields that are read here. CO-RE finds each field by name in the running
 * kernel's BTF when the programs are loaded, so offsets, order and everything left out do not matter; a field that the
 * kernel does not have fails the load, it is never read from a wrong place.
 */
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head;
struct pid;

typedef struct {
	__u32 val;
} kuid_t;

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
};

struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	unsigned long i_ino;
	__u32 i_generation;
	struct super_block *i_sb;
};

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
		__u64 hash_len;
	};
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	unsigned char d_iname[32]; /* until 6.13; 40 bytes in later ones of those */
};

struct path {
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct path f_path;
};

struct iattr {
	unsigned int ia_valid;
};

typedef struct {
	unsigned long pgd;
} pgd_t;

struct mm_struct {
	pgd_t *pgd;
};

struct linux_binprm {
	struct mm_struct *mm;
	unsigned long p; /* top of the new image's stack so far: argv[0]'s first byte */
	struct file *file;
	int argc;
	const char *interp; /* the path by which the file that is judged was named: by the caller, then by each script */
	char buf[256];	    /* its first bytes, as the kernel will interpret them */
};

struct bpf_local_storage;

struct cred {
	kuid_t uid;
};

struct thread_info {
	__u32 status;
};

struct pt_regs {
	unsigned long orig_ax;
	unsigned long r8; /* the fifth argument of a system call */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	__s32 pid;
	__s32 tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	__u64 start_boottime;
	const struct cred *cred;
	struct bpf_local_storage *bpf_storage;
	char comm[16];
};

struct sock_common {
	__u16 skc_family;
};

struct sock {
	struct socket *sk_socket;
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
};

typedef enum { /* include/uapi/linux/net.h */
	SS_FREE,
	SS_UNCONNECTED,
	SS_CONNECTING,
	SS_CONNECTED,
	SS_DISCONNECTING,
} socket_state;

struct socket {
	socket_state state;
	short type;
	struct sock *sk;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct path path;
};

struct sockaddr {
	__u16 sa_family;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
	unsigned int msg_flags;
};

#pragma clang attribute pop

/* Constants that are macros in the kernel and therefore not in BTF; each names the header it mirrors. */
#define FMODE_READ 0x1		 /* include/linux/fs.h */
#define FMODE_WRITE 0x2		 /* include/linux/fs.h */
#define FMODE_EXEC 0x20		 /* include/linux/fs.h, "opened for exec with sys_execve / sys_uselib" */
#define FMODE_CREATED 0x100000	 /* include/linux/fs.h, set when this open has made the file (fs/namei.c, lookup_open) */
#define O_TRUNC 01000		 /* include/uapi/asm-generic/fcntl.h, as the next */
#define __O_TMPFILE 020000000
#define ATTR_OPEN (1 << 15)	 /* include/linux/fs.h, "truncating from open(O_TRUNC)" */
#define PROC_SUPER_MAGIC 0x9fa0	 /* include/uapi/linux/magic.h */
#define TMPFS_MAGIC 0x01021994	 /* include/uapi/linux/magic.h, as the following */
#define EXT4_SUPER_MAGIC 0xef53
#define XFS_SUPER_MAGIC 0x58465342
#define F2FS_SUPER_MAGIC 0xf2f52010
#define PID_FS_MAGIC 0x50494446	 /* include/uapi/linux/magic.h */
#define PIPEFS_MAGIC 0x50495045	 /* include/uapi/linux/magic.h */
#define SB_NOUSER (1UL << 31)	 /* include/linux/fs.h, a file system that can only be mounted by the kernel */
#define S_IFMT 00170000		 /* include/uapi/linux/stat.h, as the following */
#define S_IWGRP 00020
#define S_IWOTH 00002
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFBLK 0060000
#define PTRACE_MODE_NOAUDIT 0x04 /* include/linux/ptrace.h, asked in passing: nothing is tried yet */
#define AF_UNSPEC 0		 /* include/linux/socket.h, as the following */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define UNIX_PATH_MAX 108	 /* include/uapi/linux/un.h */
#define MSG_FASTOPEN 0x20000000
#define SOCK_STREAM 1		 /* include/linux/net.h */
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define IPPROTO_TCP 6		 /* include/uapi/linux/in.h */
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262
#define PAGE_SIZE 4096
#define TS_COMPAT 0x0002	 /* arch/x86/include/asm/thread_info.h, in a system call of a 32-bit program */
#define PF_EXITING 0x00000004	 /* include/linux/sched.h, as the following */
#define PF_IO_WORKER 0x00000010
#define PF_DUMPCORE 0x00000200
#define PF_USER_WORKER 0x00004000 /* since 6.4; in 6.1 PF_USED_ASYNC, which no task has for long */
#define PF_KTHREAD 0x00200000
#define FMODE_CREATED 0x100000	 /* include/linux/fs.h, "File was created during open" */
#define SIGCONT 18
#define SIGSTOP 19
#define ERESTARTNOINTR 513	 /* include/linux/errno.h */
#define SIGKILL 9
#define EACCES 13		 /* include/uapi/asm-generic/errno-base.h */
#define ENOMEM 12
