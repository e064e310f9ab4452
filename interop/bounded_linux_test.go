package interop

import (
	"net"

	"golang.org/x/sys/unix"
)

// established says whether neither side has closed the connection, without reading from it.
func established(conn net.Conn) bool {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	open := false
	const stateEstablished = 1
	err = raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		open = err == nil && info.State == stateEstablished
	})
	return err == nil && open
}
