// SPDX-License-Identifier: Apache-2.0

// Package guard holds tests that read the source tree and keep the house rules
// without anyone having to remember them: licences, documentation, layering,
// sizes, words that mark unfinished work, and the list of top-level entries.
//
// There is nothing here but tests. They stand below cmd/ because the owner's
// list of top-level entries has no better place, and adding one would break a
// rule that this package keeps. They read files of the repository only, need
// no rights, and are part of "make check".
package guard
