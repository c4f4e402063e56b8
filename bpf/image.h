/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The decision image, version 2: one agent's compiled policy, as an array of 64-byte little-endian cells. The Go side
 * (bpf/layout/image.go, keep in sync) writes it and runs the very same bytes.
 *
 *   cell 0                header: sizes, hash seed, generation, start nodes
 *   cells 1 .. nodes      nodes; the number of a node is the number of its cell
 *   cells table ..        slots of the edge table: open addressing, linear probing, at most IMAGE_PROBES slots
 *   the rest              patterns, port ranges, and the ends of names longer than an edge holds
 *
 * A subject is a sequence of names. From a start node each name leads to exactly one next node: by the exact edge that
 * carries the name; else by the edge of the set of the node's patterns that match it; else by `next`. The set of rules
 * that a name can continue is merged when the image is made, so a walk never goes back, and the verdict of the node where
 * the subject ends is that of the first rule that matches it. IMAGE_FINAL marks a node below which nothing can change.
 *
 * Names are chosen by the confined process: the hash only says where to look, every hit is compared byte by byte, and the
 * number of slots looked at is bounded by the image, not by the name.
 */
#pragma once

#include <linux/types.h>

#define IMAGE_MAGIC 0x314e5343
#define IMAGE_VERSION 2
#define IMAGE_CELL 64
#define IMAGE_PROBES 8
#define IMAGE_PATTERNS 8
#define IMAGE_MIDDLES 4
#define IMAGE_PATTERN_TEXT 58
#define IMAGE_PREFIXES 48
#define IMAGE_RANGES 8
#define IMAGE_NAME 255
#define IMAGE_INLINE 48

/* Header flags. */
#define IMAGE_OBSERVE (1 << 0) /* decide and report, but refuse nothing that is not refused to every agent */

/* Node flags. */
#define IMAGE_FINAL (1 << 0)
#define IMAGE_EXACT (1 << 1)
#define IMAGE_PORTS (1 << 2) /* the node is a struct image_ports */

enum edge_kind {
	EDGE_NAME = 1,
	EDGE_MASK = 2,
	EDGE_PREFIX = 3,
};

/* Start nodes. The first NAME_ROOTS are walked by the names of a location, so each superblock has a node for them. */
enum image_root {
	ROOT_READ,
	ROOT_WRITE,
	ROOT_EXEC,
	ROOT_UNIX,  /* location of the peer's socket; "@/" and an abstract name is one name */
	ROOT_TRUST, /* programs that may go on as the interpreter of an allowed script: ALLOW where one may stand */
	ROOT_TCP,
	ROOT_UDP,
	ROOTS,
};
#define NAME_ROOTS 5


enum effect {
	EFFECT_DENY,
	EFFECT_ALLOW,
	EFFECT_APPROVE,
	EFFECT_DEFER,
};

struct image_header {
	__u32 magic;
	__u16 version;
	__u16 flags;
	__u32 cells;
	__u32 nodes;
	__u32 table;
	__u32 mask;
	__u32 seed;
	__u32 generation;
	__u32 roots[ROOTS];
	__u32 rules;
};

struct image_node {
	__u32 verdict;
	__u32 next;
	__u32 patterns;
	__u8 npattern;
	__u8 flags;
	__u8 nprefix;
	__u8 pad;
	__u8 prefixes[IMAGE_PREFIXES];
};

struct image_edge {
	__u32 node;
	__u32 next;
	__u32 more;
	__u8 kind;
	__u8 len;
	__u16 pad;
	__u8 name[IMAGE_INLINE];
};

/*
 * A name matches when it begins with the prefix, ends with the suffix, and between them holds the middles, one behind the
 * other and none overlapping: each is looked for from the left, at the first place where it stands. The text is the prefix,
 * then the middles, then the suffix; a middle of length 0 is none, and so are all behind it.
 */
struct image_pattern {
	__u8 prefix;
	__u8 suffix;
	__u8 middle[IMAGE_MIDDLES];
	__u8 text[IMAGE_PATTERN_TEXT];
};

/* The node of an address when rules depend on the port: the last range that starts at or below it leads on. */
struct image_ports {
	__u32 verdict;
	__u32 next;   /* unused: the first range starts at 0 */
	__u32 ranges; /* first cell of ranges, sorted by where they start, without holes */
	__u8 npattern;
	__u8 flags; /* IMAGE_PORTS */
	__u16 pad;
	__u32 count; /* ranges, 1 to 65536 */
	__u8 unused[44];
};

struct image_range {
	__u16 from;
	__u16 pad;
	__u32 next;
};

/* A cell, whichever of the above it is; `word` is how names are compared. */
union cell {
	struct image_header header;
	struct image_node node;
	struct image_edge edge;
	struct image_pattern pattern;
	struct image_ports ports;
	struct image_range range[IMAGE_RANGES];
	__u64 word[8];
	__u8 byte[IMAGE_CELL];
};

/*
 * Verdict word: effect in the low two bits, then the flag that what the program starts may run too (`descendants: allow`),
 * and the rule's index + 1 above bit 8; 0 is "no rule, DENY".
 */
#define VERDICT_EFFECT(v) ((v) & 3)
#define VERDICT_DESCENDANTS (1 << 2)
#define VERDICT_RULE(v) ((v) >> 8)
