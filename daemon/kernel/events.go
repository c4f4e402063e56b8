// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"
	"os"
	"time"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf/ringbuf"
)

// To wake a reader costs more than to decide, so each CPU does it only once in 10 ms (WAKE_NS in bpf/report.h). The reader
// therefore looks again after a longer time, until it finds nothing; then it sleeps until it is woken. An event that was
// stamped in time but written late, by a task that lost the CPU in between, waits for the last of these at the most.
const (
	lookAgain = 20 * time.Millisecond
	lookLast  = time.Second
)

// Read waits for the next event. The path and the argument bytes are the caller's to keep. It returns an error that is
// [os.ErrClosed] after Close. It must not be called by two goroutines at a time.
func (k *Kernel) Read() (layout.Event, []byte, []byte, error) {
	record, err := k.reader.Read()
	for ; errors.Is(err, os.ErrDeadlineExceeded); record, err = k.reader.Read() {
		wait := lookLast
		if k.busy {
			wait = lookAgain
		}
		k.busy = false
		k.reader.SetDeadline(time.Now().Add(wait))
	}
	if !k.busy {
		k.busy = true
		k.reader.SetDeadline(time.Now().Add(lookAgain))
	}
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

// Unread is how many bytes of events are in the buffer: what the reader waits for may be there already, because it is not
// woken for each event. It must not be called after Close.
func (k *Kernel) Unread() int { return k.reader.AvailableBytes() }

// Counters returns the counters of each CPU since the maps were made.
func (k *Kernel) Counters() ([]layout.Counters, error) {
	var perCPU []layout.Counters
	if err := k.maps[bpf.CaissonMapCounters].Lookup(uint32(0), &perCPU); err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	return perCPU, nil
}
