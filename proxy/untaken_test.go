package proxy

import (
	"container/list"
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/peer"

	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// TestUntakenAnswersAreBounded: the connection goes whose answer has not moved for longest, with all that it holds, and nobody else while that is enough.
func TestUntakenAnswersAreBounded(t *testing.T) {
	var cut []string
	u := &untaken{most: 10 * messageHead, idle: time.Minute, all: list.New()}
	u.cut = func(at ends, bytes, _ int64) {
		cut = append(cut, at[0].Addr().String()+" "+time.Duration(bytes).String())
	}
	begin := func(from string, messages int) *answer {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 99))
		return u.begin(peer.NewContext(context.Background(), &peer.Peer{Addr: addr, LocalAddr: addr}), slices.Repeat([]*pb.Message{{}}, messages))
	}
	want := func(sum int64, all ...string) {
		t.Helper()
		if !slices.Equal(cut, all) || u.sum != sum*messageHead {
			t.Errorf("cut off %v, %d messages are held; want %v, %d", cut, u.sum/messageHead, all, sum)
		}
		cut = nil
	}
	alone := begin("10.0.0.9", 20) // one answer passes, however large
	want(20)
	alone.end()
	slow, slow2, quick := begin("10.0.0.1", 3), begin("10.0.0.1", 3), begin("10.0.0.2", 3)
	want(9)
	for _, a := range []*answer{slow, slow2, quick} {
		a.sent()
		a.sent() // the second one waits for room: the first has gone
	}
	want(6)
	early := begin("10.0.0.8", 6) // 12 are too many, but all others have just taken something
	want(12)
	early.end()
	for _, a := range []*answer{slow, slow2, quick} {
		a.took = a.took.Add(-takes)
	}
	other := begin("10.0.0.3", 6) // 12 are too many: the first one's two answers, of 4, go
	want(12, "10.0.0.1 "+time.Duration(4*messageHead).String())
	begin("10.0.0.4", 1).end() // what goes does not count any more
	want(12)
	slow.end()
	slow2.end()
	want(8)
	quick.end()
	last := begin("10.0.0.2", 6)
	want(12, "10.0.0.3 "+time.Duration(6*messageHead).String())
	other.end()
	last.end()
	want(0)
	if u.going != 0 || u.all.Len() != 0 {
		t.Errorf("%d bytes and %d answers are left", u.going, u.all.Len())
	}

	still, busy := begin("10.0.0.5", 1), begin("10.0.0.6", 2)
	u.sweep(time.Now().Add(59 * time.Second))
	want(3)
	busy.moved = busy.moved.Add(time.Hour)
	u.sweep(time.Now().Add(61 * time.Second))
	want(3, "10.0.0.5 "+time.Duration(messageHead).String())
	u.sweep(time.Now().Add(62 * time.Second)) // once
	want(3)
	still.end()
	busy.end()
}

// TestWhoTakesALittleIsCutOffAtLast: taking something every few seconds does not let a connection hold more and more.
func TestWhoTakesALittleIsCutOffAtLast(t *testing.T) {
	cut := 0
	u := &untaken{most: 10 * messageHead, idle: time.Minute, all: list.New(), cut: func(ends, int64, int64) { cut++ }}
	begin := func(port uint16, messages int) *answer {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), port))
		return u.begin(peer.NewContext(context.Background(), &peer.Peer{Addr: addr, LocalAddr: addr}), slices.Repeat([]*pb.Message{{}}, messages))
	}
	first := begin(1, 10)
	first.sent()
	first.sent()
	defer first.end()
	defer begin(2, 11).end()
	if cut != 0 {
		t.Errorf("%d connections are cut off at twice the limit, want none", cut)
	}
	defer begin(3, 1).end()
	if cut != 1 {
		t.Errorf("%d connections are cut off beyond it, want one", cut)
	}
}
