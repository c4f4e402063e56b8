// SPDX-License-Identifier: Apache-2.0

// Package audit writes, recovers, verifies and reads caisson's audit log.
//
// # Purpose
//
// The log is a directory of append-only JSON Lines files. Every line carries
// its own SHA-256 and the hash of the line before it, so an edit, a removal
// or a reordering in the middle is found by anyone who can read the files,
// without keys and without a JSON parser: cut the last 75 bytes, hash a zero
// byte and the rest, compare.
//
// # Lifetime
//
// One process at a time holds a log open for writing (a flock on the
// directory); one goroutine in it owns the file. Any number of readers may
// call [Verify], [Query] and [Tail] at the same time, and need no lock. A file
// that was once closed, torn by a crash or hit by a write error is never
// written to again and never shortened: the next segment names it, says how
// much of it counts, and carries a hash of the bytes that do not.
//
// # Trust boundary
//
// Callers are trusted to tell the truth and to redact: the log cannot forget.
// Strings inside a record are not trusted; they may be any bytes an agent
// chose (see [Sanitize]). Files read back are not trusted either: line length
// is bounded before anything is kept, and every line is hashed again before
// it is returned.
//
// The chain has no keys. Whoever can write the files can cut records off the
// end, or rewrite everything with new hashes, and this package alone cannot
// tell. [Report] says so each time.
package audit

// Version is the value of the "v" field of every record this package writes.
const Version = 1

// MaxLine is the longest line of a log in bytes, its newline included.
// Longer fields are cut when written; a longer line is damage when read.
const MaxLine = 16 << 10
