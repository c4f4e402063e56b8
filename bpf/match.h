/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The matcher: runs a decision image over a sequence of names. There is this one for files, commands and addresses; its
 * twin is policy/walk.go, and both are compared on random input.
 *
 * State that changes from step to step lives in the scratch map, not on the stack: the verifier of 6.12 follows every
 * value of a stack variable through bpf_loop and gives up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "maps.h"

/* What a step needs; on the stack, because bpf_loop only passes a pointer to the stack. It does not change. */
struct walk {
	struct scratch *s;
	void *image;
};

static __always_inline union cell *cell_at(void *image, __u32 index)
{
	return bpf_map_lookup_elem(image, &index);
}

/* Eight bytes of a name from `at`; what lies behind its end reads as zero. */
static __always_inline __u64 name_word(const __u8 *name, __u32 at, __u32 len)
{
	__u64 word = *(const __u64 *)(name + (at & 0xff));
	__u32 left = len - at;

	if (left < 8)
		word &= (1ULL << (left * 8)) - 1;
	return word;
}

/*
 * The functions that loop over bytes are not static: the verifier then looks at each once, by itself, and not once for
 * every length and offset that their callers may come with, which would exhaust its budget.
 */

/* Keep in sync with layout.Hash. */
__noinline __u32 hash_name(struct scratch *s, __u64 start, __u32 kind, __u32 offset, __u32 len)
{
	const __u64 spread = 0x9e3779b97f4a7c15ULL, mix = 0xff51afd7ed558ccdULL;
	__u64 h = start ^ ((__u64)kind << 8 | len) * spread;

	if (!s || offset > KEY)
		return 0;

	for (__u32 at = 0; at < IMAGE_NAME + 1; at += 8) {
		if (at >= len)
			break;
		h = (h ^ name_word(s->data + offset, at, len)) * mix;
		h ^= h >> 32;
	}
	h *= mix;
	return h >> 32;
}

/* Do the words of a cell, from `first`, continue the name at `at`? Stored names are padded with zeros to whole words. */
__noinline int same_words(union cell *stored, __u32 first, struct scratch *s, __u32 name, __u32 at)
{
	__u32 offset = name >> 16, len = name & 0xffff;

	if (!stored || !s || offset > KEY || at > IMAGE_NAME)
		return 0;

	for (__u32 i = 0; i < IMAGE_CELL / 8; i++, at += 8) {
		__u32 word = first + i;

		if (at >= len || word >= IMAGE_CELL / 8)
			return 1;
		barrier_var(word);
		if (at > IMAGE_NAME || stored->word[word & 7] != name_word(s->data + offset, at, len))
			return 0;
	}
	return 1;
}

/* Is this the edge's name? The first 48 bytes stand in the edge, the rest in the cells at `more`. */
static __always_inline bool same_name(void *image, union cell *edge, struct scratch *s, __u32 name)
{
	__u32 len = name & 0xffff;

	if (!same_words(edge, 2, s, name, 0))
		return false;

	for (__u32 i = 0; i < (IMAGE_NAME - IMAGE_INLINE) / IMAGE_CELL + 1; i++) {
		__u32 at = IMAGE_INLINE + i * IMAGE_CELL;

		if (at >= len)
			return true;

		union cell *rest = cell_at(image, edge->edge.more + i);
		if (!rest || !same_words(rest, 0, s, name, at))
			return false;
	}
	return true;
}

/* The node that the edge {node, kind, data[offset .. offset+len)} leads to; 0: there is no such edge. */
static __noinline __u32 follow(struct walk *w, __u32 node, __u32 kind, __u32 offset, __u32 len)
{
	struct scratch *s = w->s;
	void *image = w->image;

	if (offset > KEY || len > IMAGE_NAME)
		return 0;

	__u32 slot = hash_name(s, (__u64)s->seed << 32 | node, kind, offset, len);

	for (__u32 probe = 0; probe < IMAGE_PROBES; probe++) {
		union cell *edge = cell_at(image, s->table + ((slot + probe) & s->mask));

		if (!edge || !edge->edge.node)
			return 0;
		if (edge->edge.node == node && edge->edge.kind == kind && edge->edge.len == len &&
		    same_name(image, edge, s, offset << 16 | len))
			return edge->edge.next;
	}
	return 0;
}

/*
 * Are `count` bytes of a pattern's text, from `from`, those of data from `offset`? The barrier keeps the compiler from
 * proving the mask needless, which the verifier cannot.
 */
__noinline int same_bytes(union cell *pattern, __u32 from, struct scratch *s, __u32 offset, __u32 count)
{
	if (!pattern || !s || offset > KEY + IMAGE_NAME - sizeof(pattern->pattern.text))
		return 0;

	for (__u32 i = 0; i < sizeof(pattern->pattern.text); i++) {
		__u32 at = from + i + offsetof(struct image_pattern, text);

		if (i >= count)
			return 1;
		barrier_var(at);
		if (pattern->byte[at & (IMAGE_CELL - 1)] != s->data[offset + i])
			return 0;
	}
	return count == sizeof(pattern->pattern.text);
}

/* A middle of a pattern, and where in the name it may stand; on the stack, and it does not change. */
struct middle {
	struct scratch *s;
	union cell *pattern;
	__u32 from, len; /* of its text */
	__u32 name;	 /* offset of the name, and where in it the middle must end */
	__u32 end;
};

/*
 * One byte: of the middle, at the place that is tried; when it is another, the next place is tried. No function is called
 * for a place, because hooks come here with all the frames that a verifier allows. Returns 1 when the middle stands there.
 */
static long try_byte(__u32 i, struct middle *m)
{
	struct scratch *s = m->s;
	__u32 place = s->place, same = s->same;
	__u32 text = (offsetof(struct image_pattern, text) + m->from + same) & (IMAGE_CELL - 1);
	__u32 at = m->name + place + same;

	barrier_var(text);
	barrier_var(at);
	if (place + m->len > m->end || at > KEY + IMAGE_NAME)
		return 1;
	if (m->pattern->byte[text & (IMAGE_CELL - 1)] != s->data[at]) {
		s->place = place + 1;
		s->same = 0;
		return 0;
	}
	s->same = same + 1;
	if (same + 1 < m->len)
		return 0;
	s->found = 1;
	s->place = place + m->len;
	return 1;
}

/* Do the middles of a pattern stand between its prefix and its suffix, each at the first place behind the one before? */
__noinline int has_middles(union cell *pattern, struct scratch *s, __u32 offset, __u32 len)
{
	if (!pattern || !s || offset > KEY || len > IMAGE_NAME)
		return 0;

	struct middle m = { .s = s, .pattern = pattern, .name = offset, .from = pattern->pattern.prefix };
	__u32 end = len - pattern->pattern.suffix;

	m.end = end;
	s->place = m.from;
	for (__u32 i = 0; i < IMAGE_MIDDLES; i++) {
		m.len = pattern->pattern.middle[i];
		if (!m.len)
			return 1;
		if (s->place + m.len > end || end > IMAGE_NAME)
			return 0;
		s->found = 0;
		s->same = 0;
		bpf_loop(IMAGE_NAME * IMAGE_PATTERN_TEXT, try_byte, &m, 0);
		if (!s->found)
			return 0;
		m.from += m.len;
	}
	return 1;
}

/* The text is the prefix, then the middles, then the suffix. */
static __always_inline bool matches(union cell *pattern, struct scratch *s, __u32 offset, __u32 len)
{
	const __u8 *middle = pattern->pattern.middle;
	__u32 prefix = pattern->pattern.prefix, suffix = pattern->pattern.suffix;
	__u32 middles = middle[0] + middle[1] + middle[2] + middle[3];

	return prefix + middles + suffix <= len && same_bytes(pattern, 0, s, offset, prefix) &&
	       same_bytes(pattern, prefix + middles, s, offset + len - suffix, suffix) &&
	       (!middles || has_middles(pattern, s, offset, len));
}

/* Which of the node's patterns match, as a mask in s->matched (in the map, or the verifier follows all 256 of them). */
static __noinline void match_patterns(struct walk *w, __u32 first, __u32 count, __u32 offset, __u32 len)
{
	struct scratch *s = w->s;
	void *image = w->image;

	s->matched = 0;
	if (offset > KEY || len > IMAGE_NAME)
		return;

	for (__u32 i = 0; i < IMAGE_PATTERNS; i++) {
		if (i >= count)
			break;

		union cell *pattern = cell_at(image, first + i);
		if (pattern && matches(pattern, s, offset, len))
			s->matched |= 1 << i;
	}
}

/* One name: from s->node to the next. Returns 1 to end the walk. */
static long step(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	void *image = w->image;
	const union cell *here = cell_at(image, s->node);

	if (!here) {
		s->error = REASON_BROKEN;
		return 1;
	}
	if (here->node.flags & IMAGE_FINAL) {
		s->settled = 1;
		return 1;
	}

	if (i + 1 == s->names)
		s->last = s->node;

	__u32 entry = s->name[i & (MAX_NAMES - 1)];
	__u32 offset = entry >> 16, len = entry & 0xffff;
	__u32 next = here->node.next, found = 0;

	if (len > IMAGE_NAME) {
		/* Longer than any exact name; and a pattern is not tried on a part of a word. */
		if (here->node.npattern) {
			s->error = REASON_TOO_LONG;
			return 1;
		}
		s->node = next;
		return !next;
	}

	if (here->node.flags & IMAGE_EXACT)
		found = follow(w, s->node, EDGE_NAME, offset, len);
	if (found) {
		next = found;
	} else if (here->node.npattern) {
		match_patterns(w, here->node.patterns, here->node.npattern, offset, len);
		if (s->matched) {
			*(__u64 *)(s->data + KEY) = s->matched;
			next = follow(w, s->node, EDGE_MASK, KEY, 1);
			if (!next)
				s->error = REASON_BROKEN;
		}
	}

	s->node = next;
	return !next;
}

/* Reads what every walk needs of the header; returns the start node, 0 if there is none. */
static __always_inline __u32 open_image(struct scratch *s, void *image, enum image_root root)
{
	const union cell *header = cell_at(image, 0);

	if (!header || header->header.magic != IMAGE_MAGIC || header->header.version != IMAGE_VERSION)
		return 0;

	s->table = header->header.table;
	s->mask = header->header.mask;
	s->seed = header->header.seed;
	s->observe = header->header.flags & IMAGE_OBSERVE;
	s->event.generation = header->header.generation;
	return header->header.roots[root];
}

/* Verdict of the node where the walk ended. */
static __always_inline __u32 verdict_here(struct scratch *s, void *image)
{
	const union cell *here = s->node ? cell_at(image, s->node) : NULL;

	return here ? here->node.verdict : 0;
}

/* Walks s->name[0 .. s->names) from s->node. A reason other than REASON_POLICY in s->error is a denial. */
static __always_inline __u32 match_names(struct scratch *s, void *image)
{
	struct walk w = { .s = s, .image = image };

	s->settled = 0;
	if (!s->node)
		return 0;

	bpf_loop(s->names, step, &w, 0);
	if (s->error) {
		s->mixed = 1;
		return 0;
	}

	const union cell *here = s->node ? cell_at(image, s->node) : NULL;
	if (!here)
		return 0;
	if (!(here->node.flags & IMAGE_FINAL))
		s->mixed = 1;
	if (s->cut && !(here->node.flags & IMAGE_FINAL)) {
		/* There are more words than were read, and they could matter. */
		s->error = REASON_TOO_LONG;
		return 0;
	}
	return here->node.verdict;
}
