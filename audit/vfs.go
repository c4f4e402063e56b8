// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// File is a segment open for appending. It exists so that tests can inject
// faults; nothing else should implement it.
type File interface {
	io.Writer
	Sync() error  // fdatasync
	Chmod() error // makes the file read-only for everyone
	Close() error
}

// ReadFile is a segment open for reading. Sync makes sure that what was read
// is also on disk.
type ReadFile interface {
	io.ReadSeekCloser
	Sync() error
}

// Dir is the directory of segments. It exists so that tests can inject
// faults; nothing else should implement it.
type Dir interface {
	Create(name string) (File, error)   // fails if name exists
	Resume(name string) (File, error)   // fails unless name is an empty file
	Open(name string) (ReadFile, error) // never follows a symlink
	List() ([]os.FileInfo, error)       // in no particular order
	Sync() error                        // makes created names durable
	Close() error
}

// osDir works on a directory held open, so that replacing the path changes
// nothing for whoever has the log open.
type osDir struct{ f *os.File }

func openDir(path string) (*osDir, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &osDir{f: os.NewFile(uintptr(fd), path)}, nil
}

// at opens a file of the directory. No name with a slash ever gets here.
func (d *osDir) at(name string, flags int, mode uint32) (*os.File, error) {
	path := d.f.Name() + "/" + name
	for {
		fd, err := unix.Openat(int(d.f.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, mode)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		f := os.NewFile(uintptr(fd), path)
		// O_NONBLOCK above is for a FIFO somebody put there: it must not hang us.
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			f.Close()
			return nil, &os.PathError{Op: "open", Path: path, Err: fmt.Errorf("not a regular file")}
		}
		return f, nil
	}
}

func (d *osDir) Create(name string) (File, error) {
	f, err := d.at(name, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDir) Resume(name string) (File, error) {
	f, err := d.at(name, unix.O_WRONLY|unix.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		f.Close()
		return nil, &os.PathError{Op: "resume", Path: f.Name(), Err: os.ErrExist}
	}
	return osFile{f}, nil
}

func (d *osDir) Open(name string) (ReadFile, error) {
	f, err := d.at(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *osDir) List() ([]os.FileInfo, error) {
	// A fresh descriptor, because the position of ours is shared.
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", d.f.Fd()))
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	defer f.Close()

	return f.Readdir(-1)
}

func (d *osDir) Sync() error  { return d.f.Sync() }
func (d *osDir) Close() error { return d.f.Close() }

type osFile struct{ *os.File }

func (f osFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
		return nil
	}
}

func (f osFile) Chmod() error { return f.File.Chmod(0o400) }

// sub opens a directory inside d.
func (d *osDir) sub(name string) (*osDir, error) {
	path := d.f.Name() + "/" + name
	fd, err := unix.Openat(int(d.f.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &osDir{f: os.NewFile(uintptr(fd), path)}, nil
}
