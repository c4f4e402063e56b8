// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
)

// greeting is what every listener says to everyone.
const greeting = "hello from the other side"

// target is something to connect to: a listener on an address of the loopback interface.
type target struct {
	name  string // in the policies, if it is in one
	addr  netip.Addr
	port  uint16 // 0: any free one
	count *atomic.Int64
}

// String is address and port.
func (t target) String() string { return t.addr.String() + t.colonPort() }

func (t target) colonPort() string { return ":" + strconv.Itoa(int(t.port)) }

// listen starts the listeners of all targets.
func (w *world) listen(ctx context.Context) error {
	for _, t := range w.targets() {
		if err := w.serve(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) targets() []*target { return []*target{&w.api, &w.apiOther, &w.deploy, &w.elsewhere} }

// serve listens on one target, counts connections and greets.
func (w *world) serve(ctx context.Context, t *target) error {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp4", t.String())
	if err != nil {
		return fmt.Errorf("playing a server: %w", err)
	}
	w.later(l.Close)
	t.port = netip.MustParseAddrPort(l.Addr().String()).Port()
	t.count = &atomic.Int64{}

	go func(count *atomic.Int64) {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			count.Add(1)
			_, _ = fmt.Fprintln(conn, greeting) // whoever hangs up at once has still connected
			conn.Close()
		}
	}(t.count)
	return nil
}

// connections is how many there were so far, on all targets.
func (w *world) connections() int64 {
	var n int64
	for _, t := range w.targets() {
		n += t.count.Load()
	}
	return n
}
