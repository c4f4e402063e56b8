// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bench is a loop over a directory, and what it told.
type bench struct {
	dir string // of the policies
	top string // above it

	mu     sync.Mutex
	files  []string
	calls  int
	failed error
}

func (b *bench) paths() (dirs, files []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return []string{b.dir}, b.files
}

func (b *bench) told() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

func start(t *testing.T, b *bench, times Times) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Loop(ctx, Options{Times: times, Paths: b.paths,
			Changed: func() { b.mu.Lock(); b.calls++; b.mu.Unlock() },
			Failed:  func(err error) { b.mu.Lock(); b.failed = err; b.mu.Unlock() }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Loop = %v", err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte("x"), 0o644))
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// soon are times at which a test need not wait for long.
var soon = Times{Quiet: 30 * time.Millisecond, Most: 10 * time.Second, Retry: 20 * time.Millisecond}

func TestLoop(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T, *bench)
		news   bool
	}{
		{"file written", func(t *testing.T, b *bench) { put(t, b.dir+"/new.yaml") }, true},
		{"file written again", func(t *testing.T, b *bench) { put(t, b.dir+"/a.yaml") }, true},
		{"file replaced by renaming, as editors save", func(t *testing.T, b *bench) {
			put(t, b.top+"/tmp")
			must(t, os.Rename(b.top+"/tmp", b.dir+"/a.yaml"))
		}, true},
		{"file removed", func(t *testing.T, b *bench) { must(t, os.Remove(b.dir+"/a.yaml")) }, true},
		{"file made readable", func(t *testing.T, b *bench) { must(t, os.Chmod(b.dir+"/a.yaml", 0o600)) }, true},
		{"symlink swapped, as Kubernetes does", func(t *testing.T, b *bench) {
			must(t, os.Symlink("..2", b.dir+"/..data_tmp"))
			must(t, os.Rename(b.dir+"/..data_tmp", b.dir+"/..data"))
		}, true},
		{"included file written", func(t *testing.T, b *bench) { put(t, b.top+"/shared/rules.yaml") }, true},
		{"included file that is not there comes", func(t *testing.T, b *bench) {
			must(t, os.Mkdir(b.top+"/later", 0o755))
			put(t, b.top+"/later/rules.yaml")
		}, true},
		{"directory removed and made again", func(t *testing.T, b *bench) {
			must(t, os.RemoveAll(b.dir))
			until(t, "the removal", func() bool { return b.told() > 1 })
			b.mu.Lock()
			b.calls = 1
			b.mu.Unlock()
			must(t, os.Mkdir(b.dir, 0o755))
			put(t, b.dir+"/a.yaml")
		}, true},
		{"directory moved away", func(t *testing.T, b *bench) { must(t, os.Rename(b.dir, b.dir+".old")) }, true},
		{"a file beside the included one", func(t *testing.T, b *bench) { put(t, b.top+"/shared/other") }, false},
		{"a file above", func(t *testing.T, b *bench) { put(t, b.top+"/other") }, false},
		{"file read", func(t *testing.T, b *bench) {
			if _, err := os.ReadFile(b.dir + "/a.yaml"); err != nil {
				t.Fatal(err)
			}
		}, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			top := t.TempDir()
			b := &bench{top: top, dir: top + "/policies", files: []string{top + "/shared/rules.yaml", top + "/later/rules.yaml"}}
			must(t, os.Mkdir(b.dir, 0o755))
			must(t, os.Mkdir(top+"/shared", 0o755))
			put(t, b.dir+"/a.yaml")
			put(t, top+"/shared/rules.yaml")
			must(t, os.Symlink("..1", b.dir+"/..data"))
			start(t, b, soon)
			until(t, "the first reading", func() bool { return b.told() == 1 })
			// The first reading comes when everything is watched.
			tc.change(t, b)
			if tc.news {
				until(t, "the news", func() bool { return b.told() > 1 })
				return
			}
			time.Sleep(5 * soon.Quiet)
			if b.told() != 1 {
				t.Error("told what does not matter")
			}
		})
	}
}

// A symlinked policy directory may lead elsewhere, and what is there is watched then.
func TestLinkedDirectory(t *testing.T) {
	top := t.TempDir()
	b := &bench{top: top, dir: top + "/policies"}
	must(t, errors.Join(os.Mkdir(top+"/one", 0o755), os.Mkdir(top+"/two", 0o755), os.Symlink("one", b.dir)))
	start(t, b, soon)
	until(t, "the first reading", func() bool { return b.told() == 1 })
	must(t, errors.Join(os.Symlink("two", top+"/new"), os.Rename(top+"/new", b.dir)))
	until(t, "the swap", func() bool { return b.told() == 2 })
	put(t, top+"/two/a.yaml")
	until(t, "the news from the new directory", func() bool { return b.told() > 2 })
}

// A burst is told once, when it is over, and a file that is still being written is not quiet.
func TestBurst(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	start(t, b, Times{Quiet: 300 * time.Millisecond, Most: time.Minute, Retry: time.Hour})
	until(t, "the first reading", func() bool { return b.told() == 1 })
	put(t, filepath.Join(b.dir, "first"))
	f, err := os.Create(filepath.Join(b.dir, "slow"))
	must(t, err)
	for range 20 {
		_, err := f.WriteString("x")
		must(t, err)
		time.Sleep(20 * time.Millisecond)
	}
	if n := b.told(); n != 1 {
		t.Errorf("told %d times before it was quiet", n)
	}
	must(t, f.Close())
	until(t, "the news", func() bool { return b.told() == 2 })
	time.Sleep(400 * time.Millisecond)
	if n := b.told(); n != 2 {
		t.Errorf("told %d times of one burst", n)
	}
}

// Somebody who never stops writing cannot hold the news back for ever.
func TestEndlessBurst(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	start(t, b, Times{Quiet: time.Hour, Most: 100 * time.Millisecond, Retry: time.Hour})
	until(t, "the first reading", func() bool { return b.told() == 1 })
	until(t, "the news", func() bool { put(t, filepath.Join(b.dir, "f")); return b.told() > 1 })
}

// What cannot be watched is said, and looked at now and then.
func TestUnwatchable(t *testing.T) {
	b := &bench{dir: "/" + string(make([]byte, 1))}
	start(t, b, soon)
	until(t, "a second look", func() bool { return b.told() > 1 })
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		t.Error("not said")
	}
}

func TestNews(t *testing.T) {
	in := &instance{places: places{"/p": {"a.yaml"}}, dirs: map[int32][]string{7: {"/p"}, 8: {"/twice", "/p"}}}
	event := func(wd int32, mask uint32, name string) []byte {
		b := make([]byte, unix.SizeofInotifyEvent+16)
		binary.NativeEndian.PutUint32(b, uint32(wd))
		binary.NativeEndian.PutUint32(b[4:], mask)
		binary.NativeEndian.PutUint32(b[12:], 16)
		copy(b[unix.SizeofInotifyEvent:], name)
		return b
	}
	tests := []struct {
		name string
		buf  []byte
		busy bool
		want bool
	}{
		{"a name that matters", event(7, unix.IN_CLOSE_WRITE, "a.yaml"), false, true},
		{"another name", event(7, unix.IN_CLOSE_WRITE, "b.yaml"), false, false},
		{"another, then one that matters", append(event(7, unix.IN_CREATE, "b"), event(7, unix.IN_CREATE, "a.yaml")...), false, true},
		{"a directory mounted twice", event(8, unix.IN_CLOSE_WRITE, "a.yaml"), false, true},
		{"the queue was full", event(-1, unix.IN_Q_OVERFLOW, ""), false, true},
		{"a watch ended", event(7, unix.IN_IGNORED, ""), false, false},
		{"the directory has gone", event(7, unix.IN_DELETE_SELF, ""), false, true},
		{"being written", event(7, unix.IN_MODIFY, "a.yaml"), false, false},
		{"being written, in a burst", event(7, unix.IN_MODIFY, "a.yaml"), true, true},
		{"cut off", event(7, unix.IN_CREATE, "b")[:20], false, true},
		{"nothing", nil, false, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in.busy = tc.busy
			if got := in.news(tc.buf); got != tc.want {
				t.Errorf("news = %v", got)
			}
		})
	}
}
