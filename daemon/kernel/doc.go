// SPDX-License-Identifier: Apache-2.0

// Package kernel is the thin privileged shell around the BPF programs: it loads, attaches and pins them, fills their maps
// and reads their events. It decides nothing. Everything it makes is pinned in a bpffs, so enforcement outlives the
// process; only Detach ends it. It needs CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN in the initial namespaces.
package kernel
