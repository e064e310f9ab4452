// Package testnet gives tests a port of their own. It owns the listener and the goroutine that accepts; tests of all
// packages call it, and any number of them at once.
package testnet

import (
	"net"
	"sync"
	"testing"
)

// Accept listens on a free port of 127.0.0.1, hands each connection to serve, one after the other, and returns the
// address as "host:port". The connections are serve's to close. At the end of the test the port is closed, before what
// the test registered for its end earlier: connections that serve was given may be open still, no new one comes.
func Accept(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			serve(nc)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
	})
	return l.Addr().String()
}
