// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	idName  = "log.id"
	idDigit = 32 // hex digits
	segName = "segments"
)

// newLogID makes an ID that says nothing about the host.
func newLogID() string {
	var b [idDigit / 2]byte
	rand.Read(b[:]) // never fails, says crypto/rand

	return hex.EncodeToString(b[:])
}

// readLogID returns "" if there is no ID yet.
func readLogID(root *osDir) (string, error) {
	f, err := root.at(idName, unix.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open log ID: %w", err)
	}
	defer f.Close()

	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return "", fmt.Errorf("read log ID: %w", err)
	}
	id := strings.TrimSuffix(string(b), "\n")
	if !validLogID(id) {
		return "", fmt.Errorf("read log ID: %s does not hold %d hex digits (remove it to have it restored from the records)", f.Name(), idDigit)
	}
	return id, nil
}

func validLogID(id string) bool {
	_, err := hex.DecodeString(id)

	return err == nil && len(id) == idDigit
}

// writeLogID stores id so that it is there either completely or not at all.
func writeLogID(root *osDir, id string) error {
	const tmp = ".log.id.tmp"
	f, err := root.at(tmp, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("create log ID: %w", err)
	}
	_, err = f.WriteString(id + "\n")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		fd := int(root.f.Fd())
		err = unix.Renameat(fd, tmp, fd, idName)
	}
	if err == nil {
		err = root.Sync()
	}
	if err != nil {
		return fmt.Errorf("write log ID: %w", err)
	}
	return nil
}
