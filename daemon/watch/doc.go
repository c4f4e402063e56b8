// SPDX-License-Identifier: Apache-2.0

// Package watch tells when files in some directories may have changed: saved in place or by renaming a new one over the
// old, removed, reached through a symlink that now leads elsewhere, or in a directory that was taken away and made again.
// It does not say what has changed; whoever is told looks at everything.
//
// News are held back until it has been quiet for a moment, so that a burst of writes is told once and an editor has
// finished, but not for longer than a bounded time. Of what the kernel's queue has no room for, it says that it lost
// something, and that is news like any other.
//
// Lifetime: [Loop] makes a new inotify instance whenever it looks again. There is nothing to keep in step with a tree that
// changes under it: what is watched is exactly what is there when the files are read. A file system that others change
// from another machine (NFS) tells nobody; there is `caisson reload`.
package watch
