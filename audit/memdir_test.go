// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"
)

// memDir is a Dir in memory that knows which bytes a power failure would
// keep, and fails when a test tells it to.
type memDir struct {
	mu    sync.Mutex
	files map[string]*memData
	// fault is asked before each operation: create, resume, open, list,
	// write, sync, dirsync, chmod. Its error is the operation's.
	fault func(op, name string) error
	// short, if set, limits how much of a write is done.
	short func(name string, n int) (int, error)
	calls map[string]int // operations by name, successful or not
}

type memData struct {
	data    []byte
	synced  int  // bytes a power failure keeps
	listed  bool // the name itself was synced
	failed  bool // a sync failed: nothing later is ever durable
	writes  int  // after a failed sync
	resyncs int  // after a failed sync
}

func newMemDir() *memDir {
	return &memDir{files: map[string]*memData{}, calls: map[string]int{}}
}

func (d *memDir) ask(op, name string) error {
	d.calls[op]++
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

func (d *memDir) Create(name string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ask("create", name); err != nil {
		return nil, err
	}
	if d.files[name] != nil {
		return nil, os.ErrExist
	}
	d.files[name] = &memData{}
	return &memFile{d, name, d.files[name]}, nil
}

func (d *memDir) Resume(name string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ask("resume", name); err != nil {
		return nil, err
	}
	f := d.files[name]
	if f == nil || len(f.data) > 0 {
		return nil, os.ErrExist
	}
	return &memFile{d, name, f}, nil
}

type memReader struct {
	*bytes.Reader
	d *memDir
	f *memData
}

func (r memReader) Close() error { return nil }
func (r memReader) Sync() error {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	r.f.synced = len(r.f.data)
	return nil
}

func (d *memDir) Open(name string) (ReadFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ask("open", name); err != nil {
		return nil, err
	}
	f := d.files[name]
	if f == nil {
		return nil, os.ErrNotExist
	}
	return memReader{bytes.NewReader(bytes.Clone(f.data)), d, f}, nil
}

type memInfo struct {
	name string
	size int64
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return 0o600 }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return false }
func (i memInfo) Sys() any           { return nil }

func (d *memDir) List() ([]os.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ask("list", ""); err != nil {
		return nil, err
	}
	var out []os.FileInfo
	for name, f := range d.files {
		out = append(out, memInfo{name, int64(len(f.data))})
	}
	return out, nil
}

func (d *memDir) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ask("dirsync", ""); err != nil {
		return err
	}
	for _, f := range d.files {
		f.listed = true
	}
	return nil
}

func (d *memDir) Close() error { return nil }

type memFile struct {
	d    *memDir
	name string
	f    *memData
}

func (f *memFile) Write(p []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.f.failed {
		f.f.writes++
	}
	if f.d.short != nil {
		n, err := f.d.short(f.name, len(p))
		f.f.data = append(f.f.data, p[:n]...)
		if n < len(p) || err != nil {
			return n, err
		}
		return n, nil
	}
	if err := f.d.ask("write", f.name); err != nil {
		return 0, err
	}
	f.f.data = append(f.f.data, p...)
	return len(p), nil
}

func (f *memFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.f.failed {
		f.f.resyncs++
	}
	if err := f.d.ask("sync", f.name); err != nil {
		f.f.failed = true
		return err
	}
	if !f.f.failed {
		f.f.synced = len(f.f.data)
	}
	return nil
}

func (f *memFile) Chmod() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return f.d.ask("chmod", f.name)
}

func (f *memFile) Close() error { return nil }

// clone returns an independent copy without faults.
func (d *memDir) clone() *memDir {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newMemDir()
	for name, f := range d.files {
		g := *f
		g.data = bytes.Clone(f.data)
		c.files[name] = &g
	}
	return c
}

// crash returns what a power failure might leave: unsynced bytes are kept,
// lost from some point on, turned to zeros or to noise; unsynced names may go.
func (d *memDir) crash(rng *rand.Rand) *memDir {
	c := d.clone()
	for name, f := range c.files {
		if !f.listed && rng.IntN(2) == 0 {
			delete(c.files, name)
			continue
		}
		tail := f.data[f.synced:]
		if len(tail) > 0 {
			cut := rng.IntN(len(tail) + 1)
			switch rng.IntN(4) {
			case 0: // all arrived
			case 1:
				tail = tail[:cut]
			case 2:
				clear(tail[cut:])
			case 3:
				for i := cut; i < len(tail); i++ {
					tail[i] = byte(rng.Uint32())
				}
			}
		}
		f.data = append(f.data[:f.synced:f.synced], tail...)
		f.synced, f.listed, f.failed = len(f.data), true, false
	}
	return c
}

// onDisk returns only what was synced.
func (d *memDir) onDisk() *memDir {
	c := d.clone()
	maps.DeleteFunc(c.files, func(_ string, f *memData) bool { return !f.listed })
	for _, f := range c.files {
		f.data = f.data[:f.synced]
	}
	return c
}

const testLogID = "0123456789abcdef0123456789abcdef"

// openMem opens a log on d, without a directory, a lock or an ID file.
func openMem(d *memDir, opt Options) (*Log, error) {
	opt.Boot = "test-boot"
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	rec, err := recoverLog(d)
	if err != nil {
		return nil, err
	}
	l := &Log{dir: d, boot: opt.Boot, rec: rec.Recovery}
	l.w = &writer{log: l, opt: opt, dir: d, id: testLogID, queue: make(chan *entry, opt.Queue), done: make(chan struct{}), hash: newHasher()}
	if err := l.w.begin(rec); err != nil {
		return nil, err
	}
	go l.w.run()
	return l, l.alarm()
}

func mustOpenMem(tb testing.TB, d *memDir, opt Options) *Log {
	tb.Helper()
	l, err := openMem(d, opt)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	return l
}

// verifyMem is Verify on d.
func verifyMem(tb testing.TB, d *memDir, live bool) Report {
	tb.Helper()
	r, err := verify(d, func() bool { return live }, func() (string, error) { return testLogID, nil })
	if err != nil {
		tb.Fatalf("verify: %v", err)
	}
	return r
}

// textsMem returns the Text of every record that counts and has one.
func textsMem(tb testing.TB, d *memDir) []string {
	tb.Helper()
	l, err := readLayout(d)
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	w := walker{dir: d, line: func(_ *segment, _ int64, line []byte) error {
		r, err := decode(line)
		if r.Text != "" && r.Kind != KindIntegrityFailed {
			out = append(out, r.Text)
		}
		return err
	}}
	if err := w.run(l); err != nil {
		tb.Fatalf("walk: %v", err)
	}
	return out
}

var errDisk = errors.New("input/output error")

// nth makes a fault that hits the nth operation op only, counting from 1.
func nth(op string, n int, err error) func(string, string) error {
	count := 0
	return func(got, _ string) error {
		if got == op {
			if count++; count == n {
				return err
			}
		}
		return nil
	}
}

var _ io.Writer = (*memFile)(nil)
