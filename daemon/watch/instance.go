// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// interest is what can change a file or what its path means. IN_ATTRIB, because a file that could not be read can be now.
// A file that is being written is no news before it is closed, but IN_MODIFY shows that it is not quiet yet.
const interest = unix.IN_MODIFY | unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE | unix.IN_ATTRIB |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

// instance is one inotify instance.
type instance struct {
	file   *os.File
	places places
	dirs   map[int32][]string // by watch descriptor; two of them may be one directory, mounted twice
	busy   bool               // writing counts, too
}

// open watches places. A directory that is not there is left out: the one above it tells when it comes.
func open(p places) (*instance, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w (raise fs.inotify.max_user_instances)", err)
	}
	in := &instance{os.NewFile(uintptr(fd), "inotify"), p, map[int32][]string{}, false}
	for dir := range p {
		wd, err := unix.InotifyAddWatch(fd, dir, interest|unix.IN_ONLYDIR)
		switch {
		case err == nil:
			in.dirs[int32(wd)] = append(in.dirs[int32(wd)], dir)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		default:
			return nil, errors.Join(fmt.Errorf("watching %s: %w", dir, err), in.file.Close())
		}
	}
	return in, nil
}

// wait returns true when there is news, and false when there was none until the deadline (zero: for ever) or until the
// context ended.
func (in *instance) wait(ctx context.Context, deadline time.Time) (bool, error) {
	if err := in.file.SetReadDeadline(deadline); err != nil {
		return false, fmt.Errorf("inotify: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = in.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	buf := make([]byte, 16<<10)
	for ctx.Err() == nil {
		n, err := in.file.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("inotify: %w", err)
		}
		if in.news(buf[:n]) {
			return true, nil
		}
	}
	return false, nil
}

// news says whether one of the events in a buffer matters.
func (in *instance) news(buf []byte) bool {
	for len(buf) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(buf))
		mask := binary.NativeEndian.Uint32(buf[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[12:]))
		if end > len(buf) {
			return true // never: the kernel writes whole events; but then look
		}
		name, _, _ := bytes.Cut(buf[unix.SizeofInotifyEvent:end], []byte{0})
		buf = buf[end:]

		switch {
		case mask&unix.IN_Q_OVERFLOW != 0:
			return true
		case mask&unix.IN_IGNORED != 0: // follows the news that the directory has gone
		case mask&unix.IN_MODIFY != 0 && !in.busy:
		case slices.ContainsFunc(in.dirs[wd], func(dir string) bool { return in.places.matters(dir, string(name)) }):
			return true
		}
	}
	return false
}
