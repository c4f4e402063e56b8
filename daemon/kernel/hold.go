// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Holds are the maps through which held system calls are answered.
type Holds struct{ hearts, requests, answers *ebpf.Map }

// OpenHolds opens the pinned maps without the programs, to release what waits when no daemon does. An error that is
// [fs.ErrNotExist]: nothing is pinned.
func OpenHolds(pinDir string) (*Holds, error) {
	h := &Holds{}
	for name, m := range map[string]**ebpf.Map{bpf.CaissonMapHearts: &h.hearts, bpf.CaissonMapRequests: &h.requests, bpf.CaissonMapAnswers: &h.answers} {
		var err error
		if *m, err = ebpf.LoadPinnedMap(filepath.Join(pinDir, mapsDir, name), nil); err != nil {
			return nil, errors.Join(fmt.Errorf("map %s: %w", name, err), h.Close())
		}
	}
	return h, nil
}

// Close closes the maps.
func (h *Holds) Close() error {
	var errs []error
	for _, m := range []*ebpf.Map{h.hearts, h.requests, h.answers} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// Attend says that questions are answered, for this long; a daemon that lives says so again in time. When it is over,
// nothing is held any more, and what would be is denied.
func (h *Holds) Attend(d time.Duration) error {
	var heart layout.Heart
	if err := h.hearts.Lookup(uint32(0), &heart); err != nil {
		return fmt.Errorf("heart: %w", err)
	}
	if heart.Key == 0 {
		key, err := randomKey()
		if err != nil {
			return err
		}
		heart.Key = key
	}
	now, err := monotonic()
	if err != nil {
		return err
	}
	heart.Until = now + uint64(d)
	if err := h.hearts.Put(uint32(0), heart); err != nil {
		return fmt.Errorf("heart: %w", err)
	}
	return nil
}

// Requests returns every question that waits for an answer, by number. It fails rather than return some of them.
func (h *Holds) Requests() (map[uint64]layout.Request, error) {
	const batch = 1024 // two calls to the kernel for each one would be too many when a thousand wait
	var ids [batch]uint64
	var requests [batch]layout.Request
	var at ebpf.MapBatchCursor

	list := map[uint64]layout.Request{}
	for {
		n, err := h.requests.BatchLookup(&at, ids[:], requests[:], nil)
		for i := range n {
			list[ids[i]] = requests[i]
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) { // that was all
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("questions: %w", err)
		}
	}
}

// Answer answers a question. The task that asked must be continued afterwards: then it asks again, and finds it. The answer
// to a question that nobody waits for any more is forgotten with [Holds.Forget].
func (h *Holds) Answer(id uint64, a layout.Answer) error {
	if err := h.answers.Put(id, a); err != nil {
		return fmt.Errorf("answer to question %d: %w", id, err)
	}
	return nil
}

// Forget takes a question back, and its answer. A task that still waits for it, and is continued, puts it anew.
func (h *Holds) Forget(id uint64) error {
	var errs []error
	for _, m := range []*ebpf.Map{h.requests, h.answers} {
		if err := m.Delete(id); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("forgetting question %d: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

func monotonic() (uint64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("clock: %w", err)
	}
	return uint64(ts.Nano()), nil
}

// randomKey never returns 0.
func randomKey() (uint64, error) {
	var b [8]byte
	for {
		if _, err := unix.Getrandom(b[:], 0); err != nil {
			return 0, fmt.Errorf("random numbers: %w", err)
		}
		if key := binary.LittleEndian.Uint64(b[:]); key != 0 {
			return key, nil
		}
	}
}
