/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps. All are pinned by the daemon: they, and the links of the programs, outlive it. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "event.h"
#include "image.h"

/* Where `data` keeps the key of an edge that is no name: behind everything a subject can fill. */
#define KEY (MAX_PATH + MAX_ARGV + IMAGE_NAME + 1)

/*
 * Room for one subject while a hook judges it. It lives in the task's storage, never per CPU: a hook can be preempted and
 * another task on that CPU would then overwrite what is being judged. `event` and `data` are adjacent because they leave
 * as one record.
 */
struct scratch {
	struct event event;
	union {
		__u8 data[KEY + IMAGE_NAME + 9]; /* path, argv, slack; a name of any length may start at KEY */
		struct {
			__u8 path[MAX_PATH];
			__u64 text[MAX_DEPTH]; /* addresses of the names, leaf first, while a location is read */
		};
	};
	union {
		__u32 name[MAX_NAMES]; /* offset << 16 | length, into data */
		struct {
			__u32 first[MAX_DEPTH];	   /* of the location's names, which are at most as many */
			__u32 text_len[MAX_DEPTH]; /* with `text` */
		};
	};
	__u64 stack_pgd; /* argv: top of the page table of the new image */
	__u64 stack;	 /* argv: address of the next byte there */
	__u32 names;	/* entries of `name` in use */
	__u32 used;	/* bytes of `data` in use */
	__u32 error;	/* enum reason, of the helper loops */
	__u32 sequence;	/* of rename_lock, when the location was read */
	__u32 verdict;	/* of the directory, if `settled` (place.h) */
	union {
		struct {
			__u64 dir; /* place.h: address of the directory's dentry, and what tells it from others */
			__u64 dir_ino;
			__u64 leaf; /* address of the last name */
			__u32 dir_generation;
			__u32 leaf_len;
		};
		__u64 sip[4]; /* state of a hash, once the location has been read */
	};
	__u64 sock;	/* net.h: that wants to connect */
	__u64 epoch;	/* place.h, read before everything that it covers */
	__u64 made;	/* file.h: dentry that the last decision allowed to make; 0: that was about something else */
	__u64 fence;	/* arm64: what atomic operations are made on, for their order */
	__u32 slot;	/* of the image that decides */
	__u32 node;	/* matcher: where it stands */
	__u32 last;	/* matcher: where it stood before the last name; 0: it never got there */
	__u32 table;	/* matcher: from the header, as the next two */
	__u32 mask;
	__u32 seed;
	__u32 low;	/* matcher: first range of ports that may be it */
	__u32 high;	/* matcher: first behind those */
	__u32 offset;	/* argv: next word */
	__u32 bytes;	/* argv: where in `data` what was read ends */
	__u32 limit;	/* argv: where in `data` it ends at the latest */
	__u32 words;	/* argv: words still to come */
	__u32 start;	/* argv: first byte of the word being measured */
	__u32 hash_at;	/* hash of argv: next byte, and how many are left */
	__u32 hash_left;
	__u32 place;	/* matcher: where in the name to look for the next middle */
	__u32 same;	/* matcher: how many of its bytes stand there */
	__u8 depth;	/* entries of `text` in use */
	__u8 matched;	/* matcher: which patterns of the node match the name */
	__u8 found;	/* matcher: all of the middle's bytes stand there */
	__u8 settled;	/* matcher: `node` is final */
	__u8 top;	/* the way up ended at a root */
	__u8 procfs;	/* the location is on a proc file system */
	__u8 inside;	/* there is a directory (place.h) */
	__u8 recalled;	/* and it was */
	__u8 leaf_inline; /* the last name is short, and stands at KEY */
	__u8 mixed;	/* a location was judged below which rules decide differently */
	__u8 cut;	/* there are more words than `name` or `data` holds */
	__u8 skip;	/* argv: 1 while the word is argv[0], which proves nothing and is no name */
	__u8 observe;	/* the image's policy refuses nothing */
	__u8 fresh;	/* nothing has been asked in this run of the program */
	__u8 created;	/* the file was made by the system call that opens it */
	__u8 connecting; /* `sock` has begun to */
};

/*
 * What an agent's task has. One map, because each look into a task's storage costs about a hundred instructions; and small
 * enough that the kernel, which puts up to 80 bytes before it, takes 8 KB for it and not 16, and clears no more at a fork.
 */
struct agent_task {
	struct identity identity;
	struct scratch scratch;
};

_Static_assert(sizeof(struct agent_task) + 80 <= 8192, "a task's storage has grown over 8 KB");

/* ---- Who: identity, set once per task, copied on fork ---- */

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct agent_task);
} tasks SEC(".maps");

/* One entry per caisson-<agent>.slice that exists: cgroup id -> agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_AGENTS);
	__type(key, __u64);
	__type(value, __u32);
} slices SEC(".maps");

/* Identity string -> number. Only user space reads it; pinned so that numbers stay the same over a restart. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_AGENTS);
	__uint(key_size, 64);
	__type(value, __u32);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct config);
} config SEC(".maps");

/* ---- What may be done: one image per agent, and where superblocks stand in it ---- */

struct image {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP); /* images differ in size */
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(union cell)); /* behind a pointer in an array clang leaves the type out */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MAX_SLOTS);
	__type(key, __u32);
	__array(values, struct image);
} images SEC(".maps");

/* 64 mounts for each of 1024 agents; allocated as used. Full: the daemon refuses the image, the old one stays. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct mount_key);
	__type(value, struct mount_nodes);
} mounts SEC(".maps");

/* ---- What was found before ---- */

#define PLACE_BITS 12  /* 4096 entries, 1.3 MB: the directories that a build has open at a time, of several agents */
#define PLACE_LIFE 1000000000ULL /* ns; a directory is walked once in that time */
#define PLACE_TEXT 256 /* bytes of a location; a longer one is walked each time */

/* One directory, see place.h. */
struct place {
	__u64 version; /* odd: being written */
	__u64 dir;     /* address of the dentry */
	__u64 ino;
	__u64 epoch;
	__u64 time; /* when it was made, ns since boot */
	__u32 inode_generation;
	__u32 dev;
	__u32 image; /* generation */
	__u32 root;  /* enum image_root */
	__u32 sequence;
	__u32 start_node;
	__u32 node;
	__u32 verdict;
	__u16 settled; /* `verdict` holds for everything below */
	__u16 len;
	__u32 pad;
	__u8 text[PLACE_TEXT];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << PLACE_BITS);
	__type(key, __u32);
	__type(value, struct place);
} places SEC(".maps");

/* Elements of `epochs`. One writer each: the daemon, and the programs. */
enum epoch {
	MOUNTS,
	SUPERBLOCKS,
	EPOCHS,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EPOCHS);
	__type(key, __u32);
	__type(value, __u64);
} epochs SEC(".maps");

/* ---- What waits for an answer, see hold.h ---- */

/* What a task has asked. */
struct held {
	__u64 id; /* of the question; 0: none */
	__u64 digest;
	__u64 kept[MAX_KEPT]; /* digests of what is approved, and not done yet */
	__u64 used[MAX_KEPT]; /* of what was approved in this attempt */
	__u64 connect;	      /* of the last connect that was approved; and its socket */
	__u64 sock;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct held);
} helds SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_REQUESTS);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_REQUESTS);
	__type(key, __u64);
	__type(value, struct answer);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct heart);
} hearts SEC(".maps");

/* ---- What was done ---- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 26); /* 400,000 opens while the daemon is away; its --ring-bytes replaces it */
} events SEC(".maps");

/* seen = submitted + lost, always; n of an event is `seen` at its birth, so a hole in n is a lost event. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");
