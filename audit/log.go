// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrClosed is returned by a Log after Close.
var ErrClosed = errors.New("audit log is closed")

// ErrKind is wrapped by the error for a record whose kind is missing or
// reserved for the log itself.
var ErrKind = errors.New("kind is missing or reserved")

// Log is a log open for writing. Its methods may be called from any
// goroutine. One goroutine of its own owns the file.
type Log struct {
	root *osDir
	dir  Dir
	boot string
	w    *writer
	rec  Recovery

	err atomic.Pointer[error] // set once, by the writer

	waiting atomic.Int64 // records accepted and neither on disk nor lost

	gate   sync.RWMutex // held for reading while queueing, for writing to close the queue
	closed bool         // guarded by gate

	mu    sync.Mutex
	stats Stats // guarded by mu
}

// Open opens the log in directory dir for writing, and makes it if need be
// (mode 0700). Every Open begins a new segment; whatever the last writer left
// behind stays as it is. If another writer has the log open, the error wraps
// [ErrLocked] and names the process when that is known.
func Open(dir string, opt Options) (*Log, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	l := &Log{boot: opt.Boot}
	err = l.openDirs(dir, opt)
	if err == nil {
		err = l.start(opt)
	}
	if err != nil {
		l.closeDirs()
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	return l, nil
}

func (l *Log) openDirs(path string, opt Options) error {
	err := os.MkdirAll(path, 0o700)
	if err != nil {
		return err
	}
	l.root, err = openDir(path)
	if err != nil {
		return err
	}
	info, err := l.root.f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("directory %s is open to others, mode %#o (chmod 0700 %s)", path, info.Mode().Perm(), path)
	}
	err = lock(l.root)
	if err != nil {
		return err
	}
	err = unix.Mkdirat(int(l.root.f.Fd()), segName, 0o700)
	if err != nil && err != unix.EEXIST {
		return fmt.Errorf("make directory of segments: %w", err)
	}
	err = l.root.Sync()
	if err != nil {
		return err
	}
	segs, err := l.root.sub(segName)
	if err != nil {
		return err
	}
	l.dir = opt.Wrap(segs)

	return nil
}

// start recovers the end of the log and begins a segment after it.
func (l *Log) start(opt Options) error {
	stored, err := readLogID(l.root)
	if err != nil {
		return err
	}
	rec, err := recoverLog(l.dir)
	if err != nil {
		return err
	}
	id := rec.log
	switch {
	case id == "" && stored == "":
		id = newLogID()
	case id == "":
		// The ID is written after the first record, so somebody removed it.
		id = stored
		rec.Problems = append(rec.Problems, "the log has an ID but holds no sound record: records were removed or destroyed")
	case stored == "":
		rec.Problems = append(rec.Problems, "file log.id was missing and has been restored from the records")
	case stored != id:
		rec.Problems = append(rec.Problems, "file log.id does not match the records: it holds "+stored)
	}
	l.rec = rec.Recovery
	l.w = &writer{log: l, opt: opt, dir: l.dir, id: id, queue: make(chan *entry, opt.Queue), done: make(chan struct{}), hash: newHasher()}
	err = l.w.begin(rec)
	if err != nil {
		if l.w.file != nil {
			l.w.file.Close()
		}
		return err
	}
	if stored == "" {
		err = writeLogID(l.root, id)
		if err != nil {
			l.w.file.Close()
			return err
		}
	}
	go l.w.run()

	return l.alarm()
}

// alarm puts what a crash does not explain into the log itself.
func (l *Log) alarm() error {
	for _, p := range l.rec.Problems {
		_, err := l.AppendSync(Record{Kind: KindIntegrityFailed, Where: "daemon", Text: p})
		if err != nil {
			l.stop()
			return err
		}
	}
	return nil
}

// Recovered returns what Open found. If it has Problems, treat the log's past
// as doubtful: they are not what a crash leaves behind.
func (l *Log) Recovered() Recovery { return l.rec }

// Err returns why the log takes no more records, or nil while it does. Once
// it is not nil it stays so: open the log again to try again.
func (l *Log) Err() error {
	if p := l.err.Load(); p != nil {
		return *p
	}
	return nil
}

func (l *Log) fail(err error) { l.err.CompareAndSwap(nil, &err) }

// Close writes what is queued, seals the segment and gives up the lock. It
// returns the error the log failed with, if it did.
func (l *Log) Close() error {
	if !l.stop() {
		return ErrClosed
	}
	l.closeDirs()

	return l.Err()
}

// stop ends the writer. It reports false if that was done before.
func (l *Log) stop() bool {
	l.gate.Lock()
	if l.closed {
		l.gate.Unlock()
		return false
	}
	l.closed = true
	close(l.w.queue)
	l.gate.Unlock()
	<-l.w.done

	return true
}

func (l *Log) closeDirs() {
	if l.dir != nil {
		l.dir.Close()
	}
	if l.root != nil {
		l.root.Close() // releases the lock
	}
}
