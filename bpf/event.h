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

/* Why a verdict is not simply the image's. All are denials but those in REASONS_ALLOW. */
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
	REASON_CONTINUED,
	REASON_DESCENDANT,
	REASON_HELD,
	REASON_APPROVED,
	REASON_REFUSED,
	REASON_CANNOT_WAIT,
	REASON_UNATTENDED,
	REASON_QUEUE_FULL,
};

#define REASON_BIT(reason) (1U << (reason))

#define REASONS_ALLOW (REASON_BIT(REASON_LAUNCH) | REASON_BIT(REASON_CONTROL) | REASON_BIT(REASON_CONTINUED) | \
		       REASON_BIT(REASON_DESCENDANT) | REASON_BIT(REASON_APPROVED))

/* What is refused all the same to an agent that is only observed: the hard floor, and what no valid image decided. */
#define REASONS_FIRM (REASON_BIT(REASON_FLOOR) | REASON_BIT(REASON_NO_POLICY) | REASON_BIT(REASON_NO_MEMORY) | \
		      REASON_BIT(REASON_BROKEN))

struct event {
	__u64 n;
	__u64 time;
	__u64 run;
	__u64 start;
	__u64 ino;
	__u64 hold; /* number of the question that is put, or was answered; 0: none */
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
	__u32 exec_len; /* bytes of the words judged last, until the exec commits; and their hash */
	__u64 run;
	__u64 exec_hash;
	__u64 interpreter_ino; /* what TASK_INTERPRETER is about */
	__u32 interpreter_dev;
	__u32 env_len; /* bytes of the words that TASK_ENV is about; and their hash */
	__u64 env_hash;
	__u64 key; /* of the hashes */
	__u64 start; /* the process's, as in the event; 0: this and the next two must be read first */
	__u32 pid;
	__u32 tid;
};

/* What belongs to one exec, and is forgotten by the next. */
#define TASK_LAUNCH (1 << 0)	  /* it is the operator's, whatever it executes */
#define TASK_EXEC_JUDGED (1 << 1) /* the program being executed has been judged ... */
#define TASK_INTERPRETER (1 << 2) /* it has opened an interpreter that nothing allows yet */
#define TASK_OBSERVED (1 << 3)	  /* ... by a policy that refuses nothing */
#define TASK_SCRIPT (1 << 4)	  /* ... and it is a script whose interpreter may go on */
#define TASK_TO_DESCENDANT (1 << 5) /* TASK_DESCENDANT from when the exec commits */
#define TASK_TO_ENV (1 << 6)	    /* TASK_ENV from when the exec commits */

/* What outlives an exec. */
#define TASK_DESCENDANT (1 << 7) /* what no rule speaks of may be executed; kept for good, and by children */
#define TASK_ENV (1 << 8)	 /* it is env, and may go on as the program that the script named; for one exec */

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
	__u64 asked; /* questions put; makes their numbers */
	__u64 woken; /* when the reader was last woken, ns since boot */
};

/* What is asked of user space, by number; the programs put it in, and take it out when the answer is used or unwanted. */
struct request {
	__u64 run;
	__u64 start;
	__u64 time;
	__u32 pid;
	__u32 tid;
};

/* What user space answers, by the same number. */
struct answer {
	__u32 allow;
	__u32 verdict; /* of the rule that has decided */
};

/* Whether somebody is there to answer. */
struct heart {
	__u64 until; /* CLOCK_MONOTONIC, which stands still while the host sleeps, as the daemon does; later, nobody is */
	__u64 key;   /* of the digests */
};

#define MAX_REQUESTS 8192 /* held at a time; more are denied */
#define MAX_KEPT 8	  /* questions of one system call */

#define MAX_AGENTS 1024
#define MAX_SLOTS 4096 /* of images: one per agent, and the rest for runs whose policy has variables */
#define MAX_DEPTH 128 /* the superblock's root included */
#define MAX_PATH 4096
#define MAX_ARGV 2048
#define MAX_NAMES 256
