//go:build ignore
/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For tests only, and in no binary: runs the matchers of match.h and net.h, the very same that the hooks run, on a subject
 * that user space has made, so that their verdict can be compared with that of the Go runner and of the specification.
 * The programs that net.h attaches to hooks are in the object, too, and are never loaded from it.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "net.h"

/* Keep in sync with the offsets in daemon/kernel/equality_vm_test.go. */
struct subject {
	__u32 root;
	__u32 names;
	__u32 cut;
	__u32 port;
	__u8 addr[16];
	__u32 verdict; /* the answer, as the next */
	__u32 error;
	__u32 name[MAX_NAMES];
	__u8 data[MAX_PATH + MAX_ARGV];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct subject);
} subjects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} rooms SEC(".maps");

SEC("syscall")
int caisson_equal(void *context)
{
	__u32 zero = 0;
	struct subject *subject = bpf_map_lookup_elem(&subjects, &zero);
	struct scratch *s = bpf_map_lookup_elem(&rooms, &zero);
	void *image = bpf_map_lookup_elem(&images, &zero);

	if (!subject || !s || !image)
		return -1;

	__u32 root = subject->root;
	barrier_var(root);
	if (root >= ROOTS)
		return -1;
	if (bpf_probe_read_kernel(s->name, sizeof(subject->name), subject->name) ||
	    bpf_probe_read_kernel(s->data, sizeof(subject->data), subject->data))
		return -1;

	s->error = REASON_POLICY;
	s->names = subject->names;
	s->cut = subject->cut;
	s->event.port = subject->port;
	__builtin_memcpy(s->event.addr, subject->addr, sizeof(subject->addr));

	s->node = open_image(s, image, root);
	if (root == ROOT_TCP || root == ROOT_UDP)
		subject->verdict = match_address(s, image);
	else
		subject->verdict = match_names(s, image);
	subject->error = s->error;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
