// SPDX-License-Identifier: Apache-2.0

package audit

import "time"

// Stats is a snapshot of a Log since it was opened.
type Stats struct {
	NextSeq   uint64        // sequence number the next durable record will have
	Durable   int64         // newest record known to be on disk; -1: none
	Segment   string        // file being written
	Bytes     int64         // of that file, as far as they are on disk
	Queued    int64         // records accepted and not yet on disk
	Batches   uint64        // syncs that succeeded
	SlowSyncs uint64        // of these, those that took more than a second
	MaxSync   time.Duration // the longest
	Poisoned  uint64        // segments given up after an error
	Lost      uint64        // records refused or dropped since the log failed
}

// Stats returns a snapshot.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()

	s := l.stats
	s.Queued = l.waiting.Load()

	return s
}

func (l *Log) synced(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.stats.Batches++
	l.stats.MaxSync = max(l.stats.MaxSync, took)
	if took > slowSync {
		l.stats.SlowSyncs++
	}
}

// arrived says that a record no longer waits.
func (l *Log) arrived(e *entry) {
	if e.user {
		l.waiting.Add(-1)
	}
}

func (l *Log) progress(w *writer) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.stats.NextSeq, l.stats.Durable = w.durable.next, int64(w.durable.next)-1
	l.stats.Segment, l.stats.Bytes = w.name, w.bytes
}

func (l *Log) poisoned() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.stats.Poisoned++
}

func (l *Log) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.stats.Lost++
}
