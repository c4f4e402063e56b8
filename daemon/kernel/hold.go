// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"caisson/bpf"
	"caisson/bpf/layout"
	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Attend says that questions are answered, for this long; a daemon that lives says so again in time. When it is over,
// nothing is held any more, and what would be is denied.
func (k *Kernel) Attend(d time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()

	hearts := k.maps[bpf.CaissonMapHearts]
	var heart layout.Heart
	if err := hearts.Lookup(uint32(0), &heart); err != nil {
		return fmt.Errorf("heart: %w", err)
	}
	if heart.Key == 0 {
		key, err := randomKey()
		if err != nil {
			return err
		}
		heart.Key = key
	}
	now, err := sinceBoot()
	if err != nil {
		return err
	}
	heart.Until = now + uint64(d)
	if err := hearts.Put(uint32(0), heart); err != nil {
		return fmt.Errorf("heart: %w", err)
	}
	return nil
}

// Requests returns every question that waits for an answer, by number.
func (k *Kernel) Requests() (map[uint64]layout.Request, error) {
	var id uint64
	var r layout.Request

	list := map[uint64]layout.Request{}
	entries := k.maps[bpf.CaissonMapRequests].Iterate()
	for entries.Next(&id, &r) {
		list[id] = r
	}
	if err := entries.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return nil, fmt.Errorf("questions: %w", err)
	}
	return list, nil
}

// Answer answers a question. The task that asked must be continued afterwards: then it asks again, and finds it. The answer
// to a question that nobody waits for any more is forgotten with [Kernel.Forget].
func (k *Kernel) Answer(id uint64, a layout.Answer) error {
	if err := k.maps[bpf.CaissonMapAnswers].Put(id, a); err != nil {
		return fmt.Errorf("answer to question %d: %w", id, err)
	}
	return nil
}

// Forget takes a question back, and its answer. A task that still waits for it, and is continued, puts it anew.
func (k *Kernel) Forget(id uint64) error {
	var errs []error
	for _, m := range []string{bpf.CaissonMapRequests, bpf.CaissonMapAnswers} {
		if err := k.maps[m].Delete(id); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("forgetting question %d: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

func sinceBoot() (uint64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
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
