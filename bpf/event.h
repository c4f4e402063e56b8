/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events, as they stand in the ring buffer, and the values of the maps. Keep in sync with bpf/layout/{event,maps}.go. */
#pragma once

#include <linux/types.h>

enum action {
	ACTION_READ,
	ACTION_WRITE,
	ACTION_EXEC,
	ACTION_NET,
	ACTION_FLOOR, /* refused to every agent, whatever its policy */
};

/* What the process really tried. */
enum op {
	OP_OPEN = 1,
	OP_CREATE,
	OP_MKDIR,
	OP_UNLINK,
	OP_RMDIR,
	OP_RENAME_FROM,
	OP_RENAME_TO,
	OP_LINK_FROM,
	OP_LINK_TO,
	OP_SYMLINK,
	OP_MKNOD,
	OP_SETATTR,
	OP_XATTR,
	OP_EXEC,
	OP_CONNECT,
	OP_SENDTO,
	OP_EXEC_VERIFY,
	OP_MOUNT,
	OP_UMOUNT,
	OP_BPF,
	OP_PTRACE,
};

/* Why a verdict is not simply the image's. All but LAUNCH and CONTROL are denials. */
enum reason {
	REASON_POLICY,
	REASON_NO_POLICY,
	REASON_LAUNCH,
	REASON_TOO_DEEP,
	REASON_RACE,
	REASON_DETACHED,
	REASON_NOT_MOUNTED,
	REASON_UNREADABLE,
	REASON_NO_MEMORY,
	REASON_TOO_LONG,
	REASON_FAMILY,
	REASON_ARGV,
	REASON_BROKEN,
	REASON_CONTROL,
	REASON_FLOOR,
	REASON_INTERPRETER,
	REASON_SUBTREE,
};

struct event {
	__u64 n;
	__u64 time;
	__u64 run;
	__u64 start;
	__u64 ino;
	__u32 dev;
	__u32 cpu;
	__u32 agent;
	__u32 generation;
	__u32 pid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 verdict;
	__u32 start_node;
	__u8 action;
	__u8 op;
	__u8 reason;
	__u8 denied;
	__u16 path_len;
	__u16 argv_len;
	__u16 argc;
	__u16 family;
	__u16 proto;
	__u16 port;
	__u8 addr[16];
	char comm[16];
};

struct identity {
	__u32 agent;
	__u32 slot; /* of the image: the agent's number, or that of an image made for the run */
	__u32 flags;
	__u32 pad;
	__u64 run;
	__u64 exec_hash;
	__u32 exec_len;
	__u32 interpreter_dev;
	__u64 interpreter_ino;
};

#define TASK_LAUNCH (1 << 0)
#define TASK_EXEC_JUDGED (1 << 1) /* the program being executed has been judged */
#define TASK_INTERPRETER (1 << 2) /* it has opened an interpreter that nothing allows yet */

struct config {
	__u64 slice;
	__u32 slice_level;
	__u32 control_dev;
	__u64 control_ino;
};

struct mount_key {
	__u32 generation;
	__u32 dev;
};

struct mount_nodes {
	__u32 node[5]; /* NAME_ROOTS, indexed by enum image_root */
	__u32 pad;
};

struct counters {
	__u64 seen;
	__u64 submitted;
	__u64 lost;
	__u64 denied;
};

#define MAX_AGENTS 1024
#define MAX_SLOTS 4096 /* of images: one per agent, and the rest for runs whose policy has variables */
#define MAX_DEPTH 128 /* the superblock's root included */
#define MAX_PATH 4096
#define MAX_ARGV 2048
#define MAX_NAMES 256
