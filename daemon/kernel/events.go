// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"os"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf/ringbuf"
)

// Read waits for the next event. The path and the argument bytes are the caller's to keep. It returns an error that is
// [os.ErrClosed] after Close.
func (k *Kernel) Read() (layout.Event, []byte, []byte, error) {
	record, err := k.reader.Read()
	if errors.Is(err, ringbuf.ErrClosed) {
		return layout.Event{}, nil, nil, os.ErrClosed
	}
	if err != nil {
		return layout.Event{}, nil, nil, fmt.Errorf("event buffer: %w", err)
	}

	e, path, argv, ok := layout.DecodeEvent(record.RawSample)
	if !ok {
		return e, nil, nil, fmt.Errorf("event buffer: a record of %d bytes contradicts itself", len(record.RawSample))
	}
	return e, path, argv, nil
}

// Counters returns the counters of each CPU since the maps were made.
func (k *Kernel) Counters() ([]layout.Counters, error) {
	var perCPU []layout.Counters
	if err := k.maps[bpf.CaissonMapCounters].Lookup(uint32(0), &perCPU); err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	return perCPU, nil
}
