// SPDX-License-Identifier: Apache-2.0

// Package prove answers whether an agent can ever do something: it proves that no subject of a set is allowed, or shows a
// shortest one that is. The set is a glob of paths or commands, or addresses and ports. The proof goes through the compiled
// form of the policy, node by node; what the compiled form leaves to user space counts as possible, and so does every class
// of names of which no name is known. So "proven" holds for every subject; where that cannot be said, the answer is that it
// cannot be told, and why. About single subjects user space is asked, for examples. What only the name of a host could decide
// is denied to connections, and counts as that.
//
// A name's addresses are whatever its owner makes them. So a question about addresses is also asked for each host of the
// policy as if that name led there.
//
// The policy is trusted. Nothing is kept between calls.
package prove
