// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Bounds on connections that are open at once.
const (
	maxConns      = 128 // of everybody else
	maxAgentConns = 32  // of all agents together
)

// Socket is the bound socket. It accepts nothing until [Serve].
type Socket struct {
	listener *net.UnixListener
	Path     string
	Ino      uint64 // inode of the socket's name: the kernel lets agents connect to it
}

// Bind makes the socket with mode 0666 in a directory that only its owner can change, and removes the one of a daemon
// that is no more. That no other daemon is alive must have been made sure by the caller (it holds the log's lock).
func Bind(path string) (*Socket, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}

	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	var st syscall.Stat_t
	if err := errors.Join(os.Chmod(path, 0o666), syscall.Lstat(path, &st)); err != nil {
		return nil, fmt.Errorf("control socket: %w", errors.Join(err, l.Close()))
	}
	return &Socket{listener: l, Path: path, Ino: st.Ino}, nil
}

// Close removes the socket.
func (s *Socket) Close() error { return s.listener.Close() }

// private checks that nobody else can put another socket in our socket's place.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("control socket: others can change %s (chown it to the daemon's user and chmod 0755)", dir)
	}
	return nil
}

// conn is an accepted connection and who is at its other end.
type conn struct {
	*net.UnixConn
	peer  Peer
	close func() error
}

// Close closes the connection and gives its place back, once.
func (c *conn) Close() error { return c.close() }

// gate accepts connections, identifies peers and keeps the bounds.
type gate struct {
	*net.UnixListener
	who  Who
	warn func(string, ...any)

	mu    sync.Mutex
	count map[bool]int // open connections, by whether the peer is an agent
}

// Accept returns the next connection whose peer is known and has a place.
func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.AcceptUnix()
		if err != nil {
			return nil, err
		}
		c, err := g.admit(raw)
		if err == nil {
			return c, nil
		}
		g.warn("connection refused", "error", err)
		_ = raw.Close() // the peer gets nothing, so there is nothing to lose
	}
}

func (g *gate) admit(raw *net.UnixConn) (*conn, error) {
	p, err := connect(raw)
	if err != nil {
		return nil, err
	}
	if err := p.identify(g.who); err != nil {
		return nil, errors.Join(err, unix.Close(p.Pidfd))
	}

	agent := p.Agent
	limit := maxConns
	if agent {
		limit = maxAgentConns
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.count[agent] >= limit {
		return nil, errors.Join(fmt.Errorf("%d connections are open already", limit), unix.Close(p.Pidfd))
	}
	g.count[agent]++

	release := sync.OnceValue(func() error {
		g.mu.Lock()
		g.count[agent]--
		g.mu.Unlock()
		return errors.Join(raw.Close(), unix.Close(p.Pidfd))
	})
	return &conn{raw, p, release}, nil
}
