// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// frameKind says what the payload of a frame is.
type frameKind byte

// Everything the guest tells the host goes through the second serial port as frames:
// a kind, a length (big endian, 32 bits) and that many bytes. The program
// under test writes to pipes, so whatever it prints can only become payload.
const (
	frameReady  frameKind = 'R' // the guest is set up; empty
	frameStdout frameKind = 'O' // output of the program
	frameStderr frameKind = 'E' // error output of the program
	frameExit   frameKind = 'X' // exit status, one byte; the last frame
	frameFailed frameKind = 'F' // PID 1 could not do its job: an error text
)

// maxFrame bounds the payload of one frame, in bytes.
const maxFrame = 1 << 16

// frameWriter writes frames from several goroutines to one port.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

// Write sends one frame; longer payloads are cut into several.
func (f *frameWriter) Write(kind frameKind, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()

	for first := true; first || len(payload) > 0; first = false {
		n := min(len(payload), maxFrame)
		frame := make([]byte, 0, 5+n)
		frame = append(frame, byte(kind))
		frame = binary.BigEndian.AppendUint32(frame, uint32(n))
		frame = append(frame, payload[:n]...)
		payload = payload[n:]

		if _, err := f.w.Write(frame); err != nil {
			return fmt.Errorf("write frame: %w", err)
		}
	}
	return nil
}

// readFrame reads one frame. io.EOF means that the guest ended between two
// frames; anything malformed is an error, never a guess.
func readFrame(r io.Reader) (frameKind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}

	kind, size := frameKind(head[0]), binary.BigEndian.Uint32(head[1:])
	switch kind {
	case frameReady, frameStdout, frameStderr, frameExit, frameFailed:
	default:
		return 0, nil, fmt.Errorf("read frame: unknown kind %#x", head[0])
	}
	if size > maxFrame {
		return 0, nil, fmt.Errorf("read frame: %d bytes exceed the limit of %d", size, maxFrame)
	}

	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, fmt.Errorf("read frame: %w", io.ErrUnexpectedEOF)
	}
	return kind, payload, nil
}
