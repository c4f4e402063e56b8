// SPDX-License-Identifier: Apache-2.0

package audit

import "time"

// Options tune a Log. The zero value is what the daemon should use.
type Options struct {
	// SegmentBytes is the size after which a new segment is begun. Default 64 MiB.
	SegmentBytes int64
	// SegmentAge is the age after which a new segment is begun. Default 24 h.
	SegmentAge time.Duration
	// Delay bounds how long a record waits in memory. Default 50 ms.
	Delay time.Duration
	// AllowDelay bounds how long a record of an allowed event waits for the
	// disk's acknowledgement. Default 1 s.
	AllowDelay time.Duration
	// Queue is how many records wait before Append blocks. Default 4096.
	Queue int
	// Boot replaces the host's boot ID; for tests.
	Boot string
	// OnFail is called once, from the writer's goroutine, when the log stops
	// taking records. It must not call Close.
	OnFail func(error)
	// OnPoison is called, from the writer's goroutine, when a write or sync
	// error made the writer give up a segment and go on in a new one. It must
	// not append to the log or close it: the writer waits for it to return.
	OnPoison func(segment string, err error)
	// Wrap puts fault injection between the writer and the disk; for tests.
	Wrap func(Dir) Dir
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.SegmentAge <= 0 {
		o.SegmentAge = 24 * time.Hour
	}
	if o.Delay <= 0 {
		o.Delay = 50 * time.Millisecond
	}
	if o.AllowDelay <= 0 {
		o.AllowDelay = time.Second
	}
	o.AllowDelay = max(o.AllowDelay, o.Delay)
	if o.Queue <= 0 {
		o.Queue = 4096
	}
	if o.OnFail == nil {
		o.OnFail = func(error) {}
	}
	if o.OnPoison == nil {
		o.OnPoison = func(string, error) {}
	}
	if o.Wrap == nil {
		o.Wrap = func(d Dir) Dir { return d }
	}
	var err error
	if o.Boot == "" {
		o.Boot, err = bootID()
	}
	return o, err
}
