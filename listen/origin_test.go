package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
)

// TestTooManyConnectionsOfAnAddress: one address has its share, others theirs; who comes behind a load balancer counts for himself, and the load
// balancer for nobody.
func TestTooManyConnectionsOfAnAddress(t *testing.T) {
	got := make(chan net.Conn, 10)
	s, log := start(t, Options{MaxConns: 10, MaxConnsPerAddr: 2, Remoting: func(nc net.Conn, _ ConnInfo) { got <- nc }})
	addr := s.Addrs()[0]
	taken := func(before string) net.Conn {
		t.Helper()
		dial(t, addr, before+"\x00")
		return <-got
	}
	refused := func(before, line string) {
		t.Helper()
		c := dial(t, addr, before)
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || !strings.Contains(log.String(), line) {
			t.Errorf("read %d, %v, log %q, want %q", n, err, log.String(), line)
		}
	}
	behind := func(source string) string { return fmt.Sprintf("PROXY TCP4 %s 5.6.7.8 56324 443\r\n", source) }
	for range 2 {
		taken(behind("192.0.2.1"))
		taken(behind("192.0.2.2"))
	}
	refused(behind("192.0.2.1")+"\x00", "too many connections of 192.0.2.1/32 (maxConnectionsPerAddress): 3, the limit is 2")
	first := taken("")
	taken("")
	refused("", "too many connections of 127.0.0.1/32 (maxConnectionsPerAddress): 3, the limit is 2")
	_ = first.Close()
	_ = first.Close() // counts once
	taken("")
	if n := s.Open(); n != 6 {
		t.Errorf("%d connections open, want 6", n)
	}
}

// TestOriginsOfV6AreNetworks: who has a network of 64 bits has no more connections than who has an address.
func TestOriginsOfV6AreNetworks(t *testing.T) {
	var all origins
	one, other, far := &origin{all: &all}, &origin{all: &all}, &origin{all: &all}
	come := func(o *origin, addr string, want bool) {
		t.Helper()
		err := o.comes(netip.MustParseAddr(addr), 1)
		if many := (*tooManyError)(nil); (err == nil) != want || err != nil && !errors.As(err, &many) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	come(one, "2001:db8::1", true)
	come(other, "2001:db8::2", false)
	come(far, "2001:db8:0:1::1", true)
	one.leave()
	come(other, "2001:db8::2", true)
	come(other, "2001:db8:0:1::2", false)
	other.leave()
	far.leave()
	if len(all.open) != 0 {
		t.Errorf("left: %v", all.open)
	}
	if err := far.comes(netip.MustParseAddr("::1"), 1); !errors.Is(err, net.ErrClosed) || len(all.open) != 0 {
		t.Errorf("after it has left: %v, %v", err, all.open)
	}
}

// TestOriginsAtOnce: connections that come and go at once leave nothing behind.
func TestOriginsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all origins
		for i := range 100 {
			o := &origin{all: &all}
			go func() {
				_ = o.comes(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 7)}), 5)
				_ = o.comes(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 5)}), 5)
			}()
			go o.leave()
		}
		synctest.Wait()
		all.mu.Lock()
		defer all.mu.Unlock()
		if len(all.open) != 0 {
			t.Errorf("left: %v", all.open)
		}
	})
}
