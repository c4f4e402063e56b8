// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"io"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// sockaddr parses host:port; a host in brackets, v4-mapped too, makes an IPv6 address.
func sockaddr(addr string) (unix.Sockaddr, int, error) {
	if strings.HasPrefix(addr, "/") || strings.HasPrefix(addr, "@") {
		return &unix.SockaddrUnix{Name: addr}, unix.AF_UNIX, nil
	}

	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, 0, err
	}
	if ap.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, unix.AF_INET, nil
	}
	return &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}, unix.AF_INET6, nil
}

// connect opens a stream and closes it again. A refused connection is no denial: it was let through.
func connect(r Request) Answer {
	sa, family, err := sockaddr(r.Addr)
	if err != nil {
		return answer(err)
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	return answer(unix.Connect(fd, sa))
}

// sendto sends a datagram.
func sendto(r Request) Answer {
	sa, family, err := sockaddr(r.Addr)
	if err != nil {
		return answer(err)
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	return answer(unix.Sendto(fd, []byte("x"), 0, sa))
}

// fastOpen connects by sending: no connect(2) is made.
func fastOpen(r Request) Answer {
	sa, family, err := sockaddr(r.Addr)
	if err != nil {
		return answer(err)
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	return answer(unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, sa))
}

// unspec sends a datagram to an IPv4 address that calls itself AF_UNSPEC, which the kernel delivers.
func unspec(r Request) Answer {
	ap, err := netip.ParseAddrPort(r.Addr)
	if err != nil {
		return answer(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)

	raw := make([]byte, 16)
	raw[2], raw[3] = byte(ap.Port()>>8), byte(ap.Port())
	copy(raw[4:], ap.Addr().AsSlice())
	return answer(rawSendto(fd, []byte("x"), raw))
}

// unixDatagram sends a datagram to a Unix socket.
func unixDatagram(r Request) Answer {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	return answer(unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrUnix{Name: r.Addr}))
}

// socketPair talks to itself over a pair of sockets that have no name.
func socketPair(Request) Answer {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if _, err := unix.Write(fds[0], []byte("x")); err != nil {
		return answer(err)
	}
	_, err = unix.Read(fds[1], make([]byte, 1))
	return answer(err)
}

// talk sends Data over a Unix stream socket and returns what comes back until the other side closes.
func talk(r Request) Answer {
	conn, err := net.Dial("unix", r.Addr)
	if err != nil {
		return answer(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(r.Data)); err != nil {
		return answer(err)
	}
	b, err := io.ReadAll(conn)
	a := answer(err)
	a.Out = string(b)
	return a
}
