// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"sync"
)

// consoleTail keeps the last lines of the guest's kernel console, and passes
// everything on to another writer if there is one. Safe for concurrent use.
type consoleTail struct {
	mu    sync.Mutex
	lines [][]byte // guarded by mu; the last one may be incomplete
	limit int
	echo  io.Writer // may be nil
}

// maxConsoleLine bounds one kept line, in bytes: the guest chooses its length.
const maxConsoleLine = 4096

func newConsoleTail(limit int, echo io.Writer) *consoleTail {
	return &consoleTail{lines: [][]byte{nil}, limit: limit, echo: echo}
}

// Write never fails, so that a closed echo cannot stall the guest.
func (c *consoleTail) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if c.echo != nil {
		_, _ = c.echo.Write(p)
	}
	for _, b := range p {
		c.add(b)
	}
	return len(p), nil
}

func (c *consoleTail) add(b byte) {
	last := len(c.lines) - 1
	switch {
	case b == '\r': // the console's line discipline adds them
	case b == '\n':
		c.lines = append(c.lines, nil)
		if len(c.lines) > c.limit+1 {
			c.lines = c.lines[1:]
		}
	case len(c.lines[last]) < maxConsoleLine:
		c.lines[last] = append(c.lines[last], b)
	}
}

// Bytes returns the kept lines, each ended by a newline.
func (c *consoleTail) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()

	text := bytes.Join(c.lines, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	return text
}
