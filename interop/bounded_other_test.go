//go:build !linux

package interop

import "net"

// established is not known here.
func established(net.Conn) bool { return true }
