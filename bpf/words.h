/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A hash of words, to recognise them later. The agent chooses the words, so it is SipHash-1-3 (Aumasson and Bernstein,
 * 2012), with a key of the task's own that it never sees: no one can prepare two lists of words with the same hash.
 */
#pragma once

#include "kernel.h"
#include "match.h"

#define ROTATE(x, n) ((x) << (n) | (x) >> (64 - (n)))

static __always_inline void sip_round(__u64 v[4])
{
	v[0] += v[1];
	v[1] = ROTATE(v[1], 13) ^ v[0];
	v[0] = ROTATE(v[0], 32);
	v[2] += v[3];
	v[3] = ROTATE(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTATE(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTATE(v[1], 17) ^ v[2];
	v[2] = ROTATE(v[2], 32);
}

static __always_inline void sip_word(__u64 v[4], __u64 word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* Mixes eight bytes of the words into the hash. */
static long hash_more(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	__u32 at = s->hash_at, len = s->hash_left;

	if (!len || at > KEY)
		return 1;

	sip_word(s->sip, name_word(s->data + at, 0, len));
	s->hash_at = at + 8;
	s->hash_left = len > 8 ? len - 8 : 0;
	return 0;
}

static __always_inline void hash_begin(struct scratch *s, __u64 key)
{
	s->sip[0] = key ^ 0x736f6d6570736575ULL;
	s->sip[1] = ~key ^ 0x646f72616e646f6dULL;
	s->sip[2] = key ^ 0x6c7967656e657261ULL;
	s->sip[3] = ~key ^ 0x7465646279746573ULL;
}

/* Adds data[at .. at+len), and ends; the length goes first, so that zeros behind the end do not matter. */
static __always_inline __u64 hash_end(struct scratch *s, __u32 at, __u32 len)
{
	struct walk w = { .s = s };

	sip_word(s->sip, len);
	s->hash_at = at;
	s->hash_left = len;
	bpf_loop((MAX_PATH + MAX_ARGV) / 8, hash_more, &w, 0);

	s->sip[2] ^= 0xff;
	sip_round(s->sip);
	sip_round(s->sip);
	sip_round(s->sip);
	return s->sip[0] ^ s->sip[1] ^ s->sip[2] ^ s->sip[3];
}

/* Of data[at .. at+len). */
__noinline __u64 hash_words(struct scratch *s, __u64 key, __u32 at, __u32 len)
{
	if (!s)
		return 0;

	hash_begin(s, key);
	return hash_end(s, at, len);
}
