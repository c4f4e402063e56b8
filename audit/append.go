// SPDX-License-Identifier: Apache-2.0

package audit

import "fmt"

// Append queues r and returns. When the queue is full it waits for room, so
// that a slow disk slows its callers down rather than losing records. Nothing
// of r is used after Append returned.
//
// The error is not nil only if r cannot be taken at all: the log is closed or
// has failed, or the kind is wrong. A record queued before the log failed is
// counted in Stats.Lost.
func (l *Log) Append(r Record) error {
	e, err := l.admit(&r)
	if err != nil {
		return err
	}
	return l.enqueue(e)
}

// AppendSync queues r and waits until it is on disk. It returns the sequence
// number.
func (l *Log) AppendSync(r Record) (seq uint64, err error) {
	e, err := l.admit(&r)
	if err != nil {
		return 0, err
	}
	e.done = make(chan error, 1)
	err = l.enqueue(e)
	if err == nil {
		err = <-e.done
	}
	if err != nil {
		return 0, err
	}
	return e.seq, nil
}

// Flush waits until every record queued before it is on disk.
func (l *Log) Flush() error {
	e := &entry{mark: true, done: make(chan error, 1)}
	err := l.enqueue(e)
	if err != nil {
		return err
	}
	return <-e.done
}

// admit checks and encodes r.
func (l *Log) admit(r *Record) (*entry, error) {
	err := l.Err()
	if err != nil {
		l.lose()
		return nil, err
	}
	if r.Kind == "" || reserved(r.Kind) {
		return nil, fmt.Errorf("append record: %w: %q", ErrKind, r.Kind)
	}
	r.Seal = nil // only the writer seals

	return newEntry(r, l.boot), nil
}

// enqueue waits for room in the queue. The writer always makes room, even
// when it has failed.
func (l *Log) enqueue(e *entry) error {
	l.gate.RLock()
	defer l.gate.RUnlock()

	if l.closed {
		return ErrClosed
	}
	if !e.mark {
		e.user = true
		l.waiting.Add(1)
	}
	l.w.queue <- e

	return nil
}
