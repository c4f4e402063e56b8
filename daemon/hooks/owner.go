// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// What nobody but the owner may do with a file.
const (
	writable fs.FileMode = 0o022 // change it
	readable fs.FileMode = 0o077 // read or change it
)

// maxLinks is how many symlinks a path may go through, as in the kernel (MAXSYMLINKS).
const maxLinks = 40

// owned says why somebody else than root or this user could decide what is found at a path: it looks at the file, every
// directory on the way to it, and the same for symlinks. Nobody but the owner may have the last file's forbidden bits.
func owned(path string, forbidden fs.FileMode) error {
	if !filepath.IsAbs(path) {
		return &fault{fmt.Sprintf("%q is no absolute path", path), "write the whole path"}
	}
	at, rest := "/", names(path)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil {
			return err
		}

		bits := writable
		if len(rest) == 0 {
			bits = forbidden
		}
		if f := ownerFault(next, info, bits, os.Geteuid()); f != nil {
			return f
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if err != nil {
			return err
		}
		if links++; links > maxLinks {
			return &fault{path + " leads through too many symlinks", "write the path of the file itself"}
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(names(target), rest...)
	}
	return nil
}

// names are the parts of a path.
func names(path string) []string {
	var list []string
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			list = append(list, name)
		}
	}
	return list
}

// ownerFault says what is wrong with one file or directory.
func ownerFault(path string, info fs.FileInfo, forbidden fs.FileMode, uid int) *fault {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return &fault{path + ": its owner is not known", ""}
	}
	if st.Uid != 0 && int(st.Uid) != uid {
		return &fault{fmt.Sprintf("%s belongs to user %d, who could put something else there", path, st.Uid), "chown root " + path}
	}
	mode := info.Mode()
	switch {
	case mode&fs.ModeSymlink != 0: // its mode means nothing
		return nil
	case mode.IsDir() && mode&fs.ModeSticky != 0: // what is in it and belongs to us, nobody else can replace
		return nil
	case mode.Perm()&forbidden == 0:
		return nil
	case forbidden == readable:
		return &fault{fmt.Sprintf("%s has mode %04o: others than its owner may use it", path, mode.Perm()), "chmod 600 " + path}
	}
	return &fault{fmt.Sprintf("%s has mode %04o: others than its owner may change it", path, mode.Perm()), "chmod go-w " + path}
}

// readOwned reads a whole file of bounded size, if nobody else could have written it.
func readOwned(path string, most int64, forbidden fs.FileMode) ([]byte, error) {
	// Before it is opened: a pipe would block, and a device could do anything.
	if err := owned(path, forbidden); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fault{path + " is not a regular file", ""}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, &fault{fmt.Sprintf("%s is larger than %d bytes", path, most), ""}
	}
	return data, nil
}

// readSecret reads a key. One line feed at the end is the editor's, and is no part of it.
func readSecret(path string) ([]byte, error) {
	data, err := readOwned(path, maxSecret, readable)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimSuffix(data, []byte("\n"))
	if f := checkSecret(secret); f != nil {
		f.msg = path + ": " + f.msg
		return nil, f
	}
	return secret, nil
}
