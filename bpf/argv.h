/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The argument words of an exec, before it happens and without a race. When bprm_check_security runs the kernel has copied
 * argv into the stack of the new image (fs/exec.c, copy_strings): that copy is what the program will get, and no thread of
 * the caller can reach it. It belongs to an address space that is not current, so its pages are found by walking its page
 * table and read through the kernel's own mapping of all memory.
 *
 * That walk is ours, so it is not trusted alone: bprm_committed_creds reads the same bytes through the new, now current,
 * address space and kills the task if they differ (exec.h).
 *
 * Only x86-64 has the walk. Elsewhere no word is known, the subject is cut behind the program, and whatever depends on
 * arguments is denied.
 */
#pragma once

#include "kernel.h"
#include "match.h"

/* What is read of the new stack at a time: the words of most commands, and not more than KEY leaves room for behind MAX_ARGV. */
#define ARGV_PART 256

#if defined(__TARGET_ARCH_x86)

extern void page_offset_base __ksym;		/* arch/x86/mm/kaslr.c: where all memory is mapped */
extern void __pgtable_l5_enabled __ksym __weak;	/* arch/x86/kernel/head64.c: five levels of page table */
extern void sme_me_mask __ksym __weak;		/* arch/x86/mm/mem_encrypt_identity.c: memory encryption bit */

#define ENTRY_PRESENT (1ULL << 0)
#define ENTRY_HUGE (1ULL << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

/* The kernel's address of the page that holds `address`, by this page table; 0: it is not in memory, or in a huge page. */
static __noinline __u64 page_at(__u64 table, __u64 address)
{
	__u64 base = 0, encrypted = 0, entry;
	__u32 five = 0;
	int shift = 39;

	if (bpf_probe_read_kernel(&base, sizeof(base), &page_offset_base))
		return 0;
	if (&__pgtable_l5_enabled && bpf_probe_read_kernel(&five, sizeof(five), &__pgtable_l5_enabled))
		return 0;
	if (&sme_me_mask && bpf_probe_read_kernel(&encrypted, sizeof(encrypted), &sme_me_mask))
		return 0;
	if (five)
		shift = 48;

	for (int level = 0; level < 5; level++, shift -= 9) {
		const void *slot = (const void *)(table + ((address >> shift) & 511) * sizeof(entry));

		if (bpf_probe_read_kernel(&entry, sizeof(entry), slot))
			return 0;
		if (!(entry & ENTRY_PRESENT) || (shift > 12 && entry & ENTRY_HUGE))
			return 0;
		table = base + (entry & ENTRY_ADDRESS & ~encrypted);
		if (shift == 12)
			return table;
	}
	return 0;
}

/* Appends the next bytes of the new stack, ARGV_PART at most, to those that end at s->bytes. Not static, as in match.h. */
__noinline int read_stack(struct scratch *s)
{
	if (!s)
		return 0;

	__u64 page = page_at(s->stack_pgd, s->stack);
	__u32 in_page = s->stack & (PAGE_SIZE - 1), size = PAGE_SIZE - in_page;
	__u32 at = s->bytes, limit = s->limit;

	if (!page || at >= limit || at > MAX_PATH + MAX_ARGV)
		return 0;
	if (size > limit - at)
		size = limit - at;
	if (size > ARGV_PART)
		size = ARGV_PART;
	barrier_var(size);
	if (size > ARGV_PART || bpf_probe_read_kernel(s->data + at, size, (const void *)(page + in_page)))
		return 0;
	s->data[at + size] = 0;
	s->bytes = at + size;
	s->stack += size;
	return size;
}

#else

static __always_inline int read_stack(struct scratch *s)
{
	return 0;
}

#endif

/* One word, or 255 bytes of a longer one. Returns 1 when there are no more, with s->cut set if some were not read. */
static long next_word(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	__u32 at = s->offset, end = s->bytes;

	if (!s->words)
		return 1;
	if (at > MAX_PATH + MAX_ARGV || s->names >= MAX_NAMES || (at >= end && !read_stack(s))) {
		s->cut = 1;
		return 1;
	}
	end = s->bytes;

	long size = bpf_probe_read_kernel_str(s->data + KEY, IMAGE_NAME + 1, s->data + at);
	if (size < 1 || size > IMAGE_NAME + 1) {
		s->cut = 1;
		return 1;
	}

	at += size - 1;
	s->offset = at;
	if (at >= end) /* the zero that ended it is ours, not the word's */
		return 0;
	if (at > MAX_PATH + MAX_ARGV)
		return 1;
	if (s->data[at]) /* a long word goes on */
		return 0;

	if (!s->skip) {
		s->name[s->names & (MAX_NAMES - 1)] = s->start << 16 | (at - s->start);
		s->names++;
	}
	s->skip = 0;
	s->offset = at + 1;
	s->start = at + 1;
	s->words--;
	return 0;
}

/* Appends the separator and the argument words of `bprm` to the names; s->event.argv_len bytes follow the path. */
static __always_inline void read_argv(struct scratch *s, struct linux_binprm *bprm)
{
	struct walk w = { .s = s };
	__u32 at = s->used;
	int argc = bprm->argc;

	s->event.argc = argc > 0xffff ? 0xffff : argc;
	s->words = argc;
	if (at > MAX_PATH || s->names >= MAX_NAMES) {
		s->cut = 1;
		return;
	}

	/* data[0] is the location's first slash: a name that no file can have. */
	s->name[s->names & (MAX_NAMES - 1)] = 1;
	s->names++;

	s->stack_pgd = (__u64)bprm->mm->pgd;
	s->stack = bprm->p;
	s->offset = at;
	s->start = at;
	s->bytes = at;
	s->limit = at + MAX_ARGV;
	s->skip = 1;
	bpf_loop(2 * MAX_NAMES + MAX_ARGV / ARGV_PART, next_word, &w, 0);
	if (s->words)
		s->cut = 1;

	__u32 length = s->offset - at;
	s->event.argv_len = length <= MAX_ARGV ? length : 0;
}
