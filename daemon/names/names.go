// SPDX-License-Identifier: Apache-2.0

// Package names resolves the host names that network rules mention. A kernel sees addresses only, so the addresses of a
// name are compiled into the image, looked up again every interval, and the agent's image is compiled again when they
// change. When a look-up fails, the last good answer stays in force and the problem is reported; a name that was never
// resolved has no addresses, so no rule can match by it.
//
// Trust: whoever answers the host's DNS decides which addresses a name stands for; that is the operator's choice of
// resolver. Answers are bounded in number, and looked up by the daemon, never by the agent.
package names

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of one look-up.
const (
	// MaxAddresses is how many addresses of one name are kept: the first ones in order of their value.
	MaxAddresses = 64
	// lookupTime is how long one look-up may take; the policies of other agents wait for it at start.
	lookupTime = 3 * time.Second
)

// Lookup asks for the addresses of a host name.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// System asks the host's own resolver.
func System(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// Cache holds the last good answer for each name. It is safe for concurrent use.
type Cache struct {
	lookup Lookup

	mu      sync.Mutex
	entries map[string]entry
}

// entry is what is known of one name.
type entry struct {
	addrs []netip.Addr // last good answer, sorted; nil: never had one
	err   error        // of the last look-up
}

// New returns an empty cache.
func New(lookup Lookup) *Cache { return &Cache{lookup: lookup, entries: map[string]entry{}} }

// Addresses returns the current addresses of a name, sorted. A name that was never asked for is looked up at once.
func (c *Cache) Addresses(host string) []netip.Addr {
	c.mu.Lock()
	e, known := c.entries[host]
	c.mu.Unlock()
	if !known {
		e, _ = c.update(context.Background(), host)
	}
	return slices.Clone(e.addrs)
}

// Refresh looks all known names up again and returns those whose addresses changed, sorted.
func (c *Cache) Refresh(ctx context.Context) (changed []string) {
	for _, host := range c.hosts() {
		if ctx.Err() != nil {
			break
		}
		if _, other := c.update(ctx, host); other {
			changed = append(changed, host)
		}
	}
	return changed
}

// Keep forgets every name but those that the rules in force mention.
func (c *Cache) Keep(hosts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(host string, _ entry) bool { return !slices.Contains(hosts, host) })
}

// Problems says, for people, which names could not be resolved the last time.
func (c *Cache) Problems() []string {
	var out []string
	for _, host := range c.hosts() {
		c.mu.Lock()
		e := c.entries[host]
		c.mu.Unlock()
		switch {
		case e.err != nil && e.addrs == nil:
			out = append(out, fmt.Sprintf("host %s: %v; rules that name it cannot match", host, e.err))
		case e.err != nil:
			out = append(out, fmt.Sprintf("host %s: %v; its last known addresses stay in force", host, e.err))
		}
	}
	return out
}

func (c *Cache) hosts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.entries))
}

// update looks one name up without holding the lock and stores the answer.
func (c *Cache) update(ctx context.Context, host string) (e entry, changed bool) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	addrs, err := c.lookup(ctx, host)
	addrs = normalise(addrs)
	if err == nil && len(addrs) == 0 {
		err = errors.New("no addresses")
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.entries[host]
	if err != nil {
		e = entry{old.addrs, err}
	} else {
		e = entry{addrs, nil}
	}
	c.entries[host] = e
	return e, !slices.Equal(old.addrs, e.addrs)
}

// normalise sorts addresses, so that another order is no change, and drops duplicates and zones.
func normalise(addrs []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range addrs {
		if a.IsValid() {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), MaxAddresses)]
}
