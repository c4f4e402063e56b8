// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"sync"

	"caisson/audit"
)

// ledger is the audit log as the daemon holds it: one that can be opened again after it has failed. It is safe for
// concurrent use.
type ledger struct {
	dir    string
	failed chan<- error              // told once per opening when the log takes no more records
	disk   func(audit.Dir) audit.Dir // for tests

	mu  sync.RWMutex
	log *audit.Log
}

// openLedger opens the log. The channel must have room for one error.
func openLedger(dir string, failed chan<- error, disk func(audit.Dir) audit.Dir) (*ledger, error) {
	l := &ledger{dir: dir, failed: failed, disk: disk}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *ledger) open() error {
	log, err := audit.Open(l.dir, audit.Options{Wrap: l.disk, OnFail: func(err error) {
		select {
		case l.failed <- err:
		default: // the daemon has not yet taken notice of the last failure; it will find this one, too
		}
	}})
	if err != nil {
		return err
	}
	l.log = log
	return nil
}

// Append queues a record; see audit.Log.Append.
func (l *ledger) Append(r audit.Record) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.log.Append(r)
}

// AppendSync returns when the record is on disk.
func (l *ledger) AppendSync(r audit.Record) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, err := l.log.AppendSync(r)
	return err
}

// Flush returns when everything is on disk.
func (l *ledger) Flush() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.log.Flush()
}

// Err returns why the log takes no more records; nil: it does.
func (l *ledger) Err() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.log.Err()
}

// Stats returns a snapshot of the log's counters.
func (l *ledger) Stats() audit.Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.log.Stats()
}

// Reopen opens a log that has failed again, and writes down how many records were lost meanwhile. If that does not work
// the ledger stays failed.
func (l *ledger) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lost := l.log.Stats().Lost
	// The error is the one the log failed with, which is known; and a log closed by an earlier try says so.
	_ = l.log.Close()
	if err := l.open(); err != nil {
		return fmt.Errorf("opening the log again: %w", err)
	}
	_, err := l.log.AppendSync(audit.Record{
		Kind: audit.KindGap, Where: "daemon", Counts: map[string]uint64{"records": lost},
		Text: "the log could not be written; while it could not, every agent was denied everything",
	})
	return err
}

// Close writes what is queued and closes the log.
func (l *ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.log.Close()
	if errors.Is(err, audit.ErrClosed) {
		return nil
	}
	return err
}
