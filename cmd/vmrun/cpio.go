// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
)

// File type bits of a mode as they stand in a cpio header (see inode(7)).
const (
	modeDir     = 0o040000
	modeFile    = 0o100000
	modeSymlink = 0o120000
	modeChar    = 0o020000
)

// cpioEntry is the header of one archive member.
type cpioEntry struct {
	Name         string // without a leading slash
	Mode         uint32 // type and permission bits
	UID, GID     uint32
	Size         int64 // bytes of content that follow
	Major, Minor uint32
}

// cpioWriter writes the "newc" format that the kernel unpacks as an
// initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).
// Members are written in order; a directory must come before what is in it.
type cpioWriter struct {
	w   io.Writer
	ino uint32
	off int64
}

// Add writes one member with its content, which must have entry.Size bytes.
func (c *cpioWriter) Add(entry cpioEntry, content io.Reader) error {
	if entry.Size < 0 || entry.Size > 1<<32-1 {
		return fmt.Errorf("archive %s: %d bytes do not fit the format", entry.Name, entry.Size)
	}

	c.ino++
	if err := c.header(entry); err != nil {
		return fmt.Errorf("archive %s: %w", entry.Name, err)
	}
	if entry.Size > 0 {
		n, err := io.Copy(c.w, io.LimitReader(content, entry.Size))
		c.off += n
		if err == nil && n != entry.Size {
			err = io.ErrUnexpectedEOF // the file shrank while it was read
		}
		if err != nil {
			return fmt.Errorf("archive %s: %w", entry.Name, err)
		}
	}
	return c.pad()
}

// Close writes the trailer. It does not close the underlying writer.
func (c *cpioWriter) Close() error {
	c.ino = 0
	if err := c.header(cpioEntry{Name: "TRAILER!!!"}); err != nil {
		return fmt.Errorf("archive trailer: %w", err)
	}
	return nil
}

// header writes the fixed part, the name and the padding after it. The link
// count is 1 throughout: the kernel only uses it to find hard links.
func (c *cpioWriter) header(e cpioEntry) error {
	n, err := fmt.Fprintf(c.w, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		c.ino, e.Mode, e.UID, e.GID, 1, 0, e.Size, 0, 0, e.Major, e.Minor, len(e.Name)+1, 0, e.Name)
	c.off += int64(n)
	if err != nil {
		return err
	}
	return c.pad()
}

// pad fills up to the next multiple of four bytes.
func (c *cpioWriter) pad() error {
	n, err := c.w.Write([]byte{0, 0, 0}[:(4-c.off%4)%4])
	c.off += int64(n)
	return err
}
