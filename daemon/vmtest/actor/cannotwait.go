// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendmmsg sends two datagrams to Addr in one call.
func sendmmsg(r Request) Answer {
	to, err := netip.ParseAddrPort(r.Addr)
	if err != nil {
		return Answer{Errno: int(unix.EINVAL)}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return answer(err)
	}
	defer unix.Close(fd)
	port := to.Port()
	name := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port<<8 | port>>8, Addr: to.Addr().As4()}
	type message struct { // struct mmsghdr
		unix.Msghdr
		sent uint32
		_    [4]byte
	}
	data := []byte("x")
	part := unix.Iovec{Base: &data[0], Len: 1}
	var list [2]message
	for i := range list {
		list[i].Name, list[i].Namelen = (*byte)(unsafe.Pointer(&name)), uint32(unsafe.Sizeof(name))
		list[i].Iov, list[i].Iovlen = &part, 1
	}
	return answer(only(raw(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)), 0)))
}
