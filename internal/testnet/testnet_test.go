package testnet

import (
	"net"
	"testing"
)

// The port serves while the test runs and is closed after it, before what was registered earlier runs.
func TestPortEndsWithTheTest(t *testing.T) {
	var addr string
	t.Run("the test", func(t *testing.T) {
		t.Cleanup(func() {
			if nc, err := net.Dial("tcp", addr); err == nil {
				_ = nc.Close()
				t.Errorf("%s is open after the test", addr)
			}
		})
		served := make(chan string)
		addr = Accept(t, func(nc net.Conn) {
			served <- nc.RemoteAddr().String()
			_ = nc.Close()
		})
		for range 2 {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := <-served, nc.LocalAddr().String(); got != want {
				t.Errorf("served %s, want %s", got, want)
			}
			_ = nc.Close()
		}
	})
}
