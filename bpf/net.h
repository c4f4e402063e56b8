/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The network, as far as a kernel sees it: protocol, address, port.
 *
 *   socket_connect        connect on AF_INET and AF_INET6; other families are refused
 *   socket_sendmsg        sends that carry an address of their own: UDP, and TCP with MSG_FASTOPEN, which connects without
 *                         ever calling socket_connect
 *   unix_stream_connect   AF_UNIX: the peer is the socket found, not the path given. It is judged by its location, or by
 *   unix_may_send         its abstract name; caisson's own control socket may always be reached, and so may sockets
 *                         without a name, which can only have been handed down
 *
 * The family that counts is the socket's, not the one in the address: an IPv4 socket takes AF_UNSPEC for AF_INET when it
 * sends, and an IPv6 socket takes IPv4 addresses.
 */
#pragma once

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "location.h"
#include "match.h"
#include "conclude.h"

/* struct sockaddr_in6 and, in its first eight bytes, struct sockaddr_in (include/uapi/linux/in.h, in6.h). */
struct address {
	__u16 family;
	__u16 port;
	__u32 v4; /* sin6_flowinfo in an IPv6 address */
	__u8 v6[16];
};

/*
 * Connecting to the unspecified address reaches this host. For IPv4 that is 127.0.0.1 (net/ipv4/route.c,
 * ip_route_output_key_hash_rcu), and is judged as that; for IPv6 it depends on what the socket is bound to
 * (net/ipv6/tcp_ipv6.c, tcp_v6_connect), so no rule can name it.
 */
static __always_inline __u32 from_unspecified(struct event *e)
{
	__u64 high = *(__u64 *)e->addr, low = *(__u64 *)(e->addr + 8);

	if (high)
		return REASON_POLICY;
	if (!low)
		return REASON_FAMILY;
	if (low == 0xffff0000) { /* ::ffff:0.0.0.0 */
		e->addr[12] = 127;
		e->addr[15] = 1;
	}
	return REASON_POLICY;
}

/* Fills in protocol, address and port of the event. Returns the reason why the address cannot be judged. */
static __always_inline __u32 read_address(struct scratch *s, struct sock *sk, const void *from, int size)
{
	struct event *e = &s->event;
	struct address a = {};
	__u32 need = e->family == AF_INET6 ? sizeof(a) : 8;

	e->proto = sk->sk_protocol == IPPROTO_MPTCP ? IPPROTO_TCP : sk->sk_protocol;
	if (e->proto != IPPROTO_TCP && e->proto != IPPROTO_UDP)
		return REASON_FAMILY;
	if (size < 8 || bpf_probe_read_kernel(&a, 8, from))
		return REASON_UNREADABLE;

	e->port = bpf_ntohs(a.port);
	if (e->family == AF_INET6 && a.family == AF_INET6) {
		if (size < (int)need || bpf_probe_read_kernel(&a, sizeof(a), from))
			return REASON_UNREADABLE;
		__builtin_memcpy(e->addr, a.v6, sizeof(e->addr));
		return from_unspecified(e);
	}
	if (a.family != AF_INET && !(e->family == AF_INET && a.family == AF_UNSPEC))
		return REASON_FAMILY;

	e->addr[10] = 0xff;
	e->addr[11] = 0xff;
	__builtin_memcpy(e->addr + 12, &a.v4, sizeof(a.v4));
	return from_unspecified(e);
}

/* Writes the key of the address's first `bits` bits to KEY: the length, then the address with the rest cleared. */
__noinline int prefix_key(struct scratch *s, __u32 bits)
{
	if (!s)
		return 0;
	s->data[KEY] = bits;
	for (__u32 i = 0; i < 16; i++) {
		__u32 keep = bits > i * 8 ? bits - i * 8 : 0;
		__u8 mask = keep >= 8 ? 0xff : 0xff00 >> keep;

		s->data[KEY + 1 + i] = s->event.addr[i] & mask;
	}
	return 0;
}

/* One prefix length, longest first. Returns 1 when an edge was found: s->node is then where it leads. */
static long try_prefix(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	const union cell *here = cell_at(w->image, s->node);

	if (!here || i >= IMAGE_PREFIXES)
		return 1;

	prefix_key(s, here->node.prefixes[i]);
	__u32 next = follow(w, s->node, EDGE_PREFIX, KEY, 17);
	if (!next)
		return 0;
	s->node = next;
	s->settled = 1;
	return 1;
}

/*
 * One step of the search for the last of the node's ranges that starts at or below the port: it is one of those from s->low
 * to before s->high, whose first starts there in any case. Returns 1 when it is found.
 */
static long try_range(__u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	const union cell *here = cell_at(w->image, s->node);
	__u32 low = s->low, high = s->high, middle = low + (high - low) / 2;

	if (!here) {
		s->error = REASON_BROKEN;
		return 1;
	}
	if (high - low <= 1)
		return 1;

	const union cell *ranges = cell_at(w->image, here->ports.ranges + middle / IMAGE_RANGES);
	if (!ranges) {
		s->error = REASON_BROKEN;
		return 1;
	}
	if (ranges->range[middle & (IMAGE_RANGES - 1)].from <= s->event.port)
		s->low = middle;
	else
		s->high = middle;
	return 0;
}

/* From a node that has ports to where the port leads: at most 65536 ranges, so 16 halvings. */
static __always_inline void follow_port(struct scratch *s, void *image, struct walk *w, const union cell *here)
{
	__u32 first = here->ports.ranges;

	s->low = 0;
	s->high = here->ports.count;
	bpf_loop(17, try_range, w, 0);

	__u32 found = s->low;
	const union cell *ranges = cell_at(image, first + found / IMAGE_RANGES);
	if (!ranges) {
		s->error = REASON_BROKEN;
		s->node = 0;
		return;
	}
	s->node = ranges->range[found & (IMAGE_RANGES - 1)].next;
}

/* Longest prefix, then port. */
static __always_inline __u32 match_address(struct scratch *s, void *image)
{
	struct walk w = { .s = s, .image = image };
	const union cell *here = s->node ? cell_at(image, s->node) : NULL;

	if (!here)
		return 0;

	__u32 next = here->node.next;
	s->settled = 0;
	bpf_loop(here->node.nprefix, try_prefix, &w, 0);
	if (!s->settled)
		s->node = next;

	here = s->node ? cell_at(image, s->node) : NULL;
	if (!here)
		return 0;
	if (here->node.flags & IMAGE_PORTS)
		follow_port(s, image, &w, here);
	return verdict_here(s, image);
}

/* Decides whether an agent's socket may reach an address. */
static __noinline int reach(struct identity *id, struct sock *sk, const void *address, int size, __u32 op)
{
	struct scratch *s = begin(id, ACTION_NET, op);

	s->event.family = sk->__sk_common.skc_family;
	s->sock = (__u64)sk;
	struct socket *sock = sk->sk_socket;
	if (op == OP_CONNECT && sock)
		s->connecting = sock->state == SS_CONNECTING;

	__u32 reason = REASON_FAMILY;
	if (s->event.family == AF_INET || s->event.family == AF_INET6)
		reason = read_address(s, sk, address, size);

	__u32 slot = id->slot;
	void *image = bpf_map_lookup_elem(&images, &slot);
	if (!image)
		return conclude(s, 0, REASON_NO_POLICY);

	__u32 root = s->event.proto == IPPROTO_UDP ? ROOT_UDP : ROOT_TCP;
	s->node = open_image(s, image, root);
	s->event.start_node = s->node;
	if (!s->node)
		return conclude(s, 0, REASON_BROKEN);
	if (reason)
		return conclude(s, 0, reason);

	__u32 verdict = match_address(s, image);
	return conclude(s, verdict, s->error);
}

SEC("lsm/socket_connect")
int BPF_PROG(caisson_socket_connect, struct socket *sock, struct sockaddr *address, int size, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	struct sock *sk = sock->sk;
	if (!sk)
		return -EACCES;
	__u16 family = sk->__sk_common.skc_family;

	/* Connecting to AF_UNSPEC disconnects (net/ipv4/af_inet.c, net/unix/af_unix.c): nothing is reached. */
	if (size >= 2 && address->sa_family == AF_UNSPEC)
		return 0;
	if (family == AF_UNIX) /* decided when the peer is known */
		return 0;
	return reach(id, sk, address, size, OP_CONNECT);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(caisson_socket_sendmsg, struct socket *sock, struct msghdr *msg, int bytes, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	struct sock *sk = sock->sk;
	if (!sk)
		return -EACCES;
	void *address = msg->msg_name;
	__u16 family = sk->__sk_common.skc_family, protocol = sk->sk_protocol, named = AF_UNSPEC;

	if (!address || family == AF_UNIX) /* connected, so decided; or decided when the peer is known */
		return 0;
	if ((protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) && !(msg->msg_flags & MSG_FASTOPEN))
		return 0; /* tcp_sendmsg does not look at the address */
	if (family == AF_INET6 && !bpf_probe_read_kernel(&named, sizeof(named), address) && named == AF_UNSPEC)
		return 0; /* udpv6_sendmsg then sends to the connected peer */
	return reach(id, sk, address, msg->msg_namelen, OP_SENDTO);
}

/*
 * The one name of an abstract Unix socket: "@/" and the name's bytes, of which any may be zero. In the kernel a zero stands
 * before the name; without it, it is the path of a socket that is just being closed.
 */
static __always_inline void read_abstract(struct scratch *s, struct unix_address *address)
{
	const __u8 *path = (const void *)address + bpf_core_field_offset(struct unix_address, name) +
			   bpf_core_field_offset(struct sockaddr_un, sun_path);
	__u32 size = BPF_CORE_READ(address, len) - 2; /* without sun_family */

	if (size < 1 || size > UNIX_PATH_MAX || bpf_probe_read_kernel(s->data + 1, size, path) || s->data[1]) {
		s->error = REASON_UNREADABLE;
		return;
	}
	s->data[0] = '@';
	s->data[1] = '/';
	s->name[0] = size + 1;
	s->names = 1;
	s->event.path_len = size + 1;
}

/* Where a Unix socket is, as names; s->error if that cannot be told. Only a socket bound to a path has a dentry. */
static __always_inline void read_socket(struct scratch *s, struct unix_sock *peer, struct dentry *dentry)
{
	if (dentry)
		s->error = read_location(s, dentry);
	else
		read_abstract(s, peer->addr);
}

/* Decides whether an agent may talk to a Unix socket. */
static __noinline int reach_unix(struct identity *id, struct sock *sk, __u32 op)
{
	struct unix_sock *peer = bpf_skc_to_unix_sock(sk);
	__u32 zero = 0;

	if (!peer)
		return -EACCES;
	/* Made by socketpair: there is no way to it but having been given it. */
	if (!peer->addr)
		return 0;

	struct scratch *s = begin(id, ACTION_NET, op);
	struct config *cfg = bpf_map_lookup_elem(&config, &zero);
	if (!cfg)
		return -EACCES;

	s->event.family = AF_UNIX;
	struct dentry *dentry = peer->path.dentry;
	read_socket(s, peer, dentry);
	if (dentry) {
		struct inode *inode = dentry->d_inode;

		s->event.ino = inode ? inode->i_ino : 0;
		if (cfg->control_ino && s->event.ino == cfg->control_ino && s->event.dev == cfg->control_dev)
			return conclude(s, 0, REASON_CONTROL);
	}

	__u32 slot = s->slot, reason = s->error;
	void *image = bpf_map_lookup_elem(&images, &slot);
	if (!image)
		return conclude(s, 0, REASON_NO_POLICY);
	s->node = open_image(s, image, ROOT_UNIX);
	if (!s->node)
		return conclude(s, 0, REASON_BROKEN);
	if (reason)
		return conclude(s, 0, reason);

	if (dentry)
		s->node = mount_node(s, ROOT_UNIX);
	s->event.start_node = s->node;
	__u32 verdict = s->error ? 0 : match_names(s, image);
	return conclude(s, verdict, s->error);
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(caisson_unix_stream_connect, struct sock *sk, struct sock *other, struct sock *new, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	return agent <= 0 ? agent : reach_unix(id, other, OP_CONNECT);
}

SEC("lsm/unix_may_send")
int BPF_PROG(caisson_unix_may_send, struct socket *sock, struct socket *other, int ret)
{
	struct identity *id;

	if (ret)
		return ret;

	int agent = who(&id);
	if (agent <= 0)
		return agent;

	struct sock *peer = other->sk;
	return peer ? reach_unix(id, peer, OP_SENDTO) : -EACCES;
}
