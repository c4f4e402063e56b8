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

#if defined(__TARGET_ARCH_x86)

extern void page_offset_base __ksym;		/* arch/x86/mm/kaslr.c: where all memory is mapped */
extern void __pgtable_l5_enabled __ksym __weak;	/* arch/x86/kernel/head64.c: five levels of page table */
extern void sme_me_mask __ksym __weak;		/* arch/x86/mm/mem_encrypt_identity.c: memory encryption bit */

#define ENTRY_PRESENT (1ULL << 0)
#define ENTRY_HUGE (1ULL << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

/* The kernel's address of the page that holds `address` in `mm`; 0: it is not in memory, or part of a huge page. */
static __noinline __u64 page_at(struct mm_struct *mm, __u64 address)
{
	__u64 base = 0, encrypted = 0, entry, table = (__u64)mm->pgd;
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

/* Copies the first MAX_ARGV bytes of the new stack to s->data + at. Returns how many could be read. */
static __noinline __u32 read_stack(struct scratch *s, struct mm_struct *mm, __u64 from, __u32 at)
{
	__u32 done = 0;

	for (int part = 0; part < 2; part++) {
		__u32 in_page = (from + done) & (PAGE_SIZE - 1), size = PAGE_SIZE - in_page;
		__u64 page = page_at(mm, from + done);

		if (!page || at > MAX_PATH || done >= MAX_ARGV)
			break;
		if (size > MAX_ARGV - done)
			size = MAX_ARGV - done;
		barrier_var(size);
		if (size > MAX_ARGV || bpf_probe_read_kernel(s->data + at + done, size, (const void *)(page + in_page)))
			break;
		done += size;
	}
	return done;
}

#else

static __always_inline __u32 read_stack(struct scratch *s, struct mm_struct *mm, __u64 from, __u32 at)
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
	if (at >= end || at > MAX_PATH + MAX_ARGV || s->names >= MAX_NAMES) {
		s->cut = 1;
		return 1;
	}

	long size = bpf_probe_read_kernel_str(s->data + KEY, IMAGE_NAME + 1, s->data + at);
	if (size < 1 || size > IMAGE_NAME + 1) {
		s->cut = 1;
		return 1;
	}

	at += size - 1;
	s->offset = at;
	if (at >= end) { /* the zero that ended it is ours, not the word's */
		s->cut = 1;
		return 1;
	}
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

	__u32 size = read_stack(s, bprm->mm, bprm->p, at);
	if (size > MAX_ARGV)
		size = 0;
	s->data[at + size] = 0;
	s->offset = at;
	s->start = at;
	s->bytes = at + size;
	s->skip = 1;
	bpf_loop(2 * MAX_NAMES, next_word, &w, 0);
	if (s->words)
		s->cut = 1;

	__u32 length = s->offset - at;
	s->event.argv_len = length <= MAX_ARGV ? length : 0;
}
