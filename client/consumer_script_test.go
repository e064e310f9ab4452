package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aerobee-mq/aerobee/client"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// oneQueue is a NameServer and broker with one queue of topic t, which a test can make misbehave. It holds pulls that find nothing until
// something changes.
type oneQueue struct {
	t      *testing.T
	addr   string
	server *remoting.Server

	mu       sync.Mutex
	records  []string // guarded by mu, as all below: bodies; the offset is the place
	first    int      // offsets below are gone
	held     []func() // pulls on hold
	locked   bool     // somebody else has the lock
	saved    int64    // the group's offset
	asked    []int64  // the offsets of all pulls
	resent   []string // bodies sent to the retry topic
	noBack   bool     // 36 is refused
	holdsNot bool     // pulls that find nothing are answered at once
	mute     int32    // requests of this code get no answer
	deaf     bool     // offsets told one way are lost
	busy     bool     // offsets that want an answer are dealt with later
	late     []func() // these
	told     int      // how many were told one way
	flushed  int32    // the code that sends are answered with
	conns    []*remoting.Conn
	greeted  *remoting.Conn // that the last heartbeat came over
	locks    int            // tries
	unlocks  int
	left     int
	lists    int // how often the members were asked for
	members  []string
}

func newOneQueue(t *testing.T, bodies ...string) *oneQueue {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	b := &oneQueue{t: t, addr: lis.Addr().String(), records: bodies, saved: -1}
	b.server = remoting.NewServer(remoting.Options{Mux: b.mux()})
	go func() {
		for {
			nc, err := lis.Accept()
			if err != nil {
				return
			}
			b.server.Serve(nc, remoting.ConnInfo{})
		}
	}()
	t.Cleanup(func() {
		lis.Close()
		b.hangUp()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.server.Shutdown(ctx)
	})
	return b
}

func (b *oneQueue) hangUp() {
	for c := range b.server.Conns() {
		_ = c.Close()
	}
}

// change does something under the lock and lets the held pulls look again.
func (b *oneQueue) change(fn func()) {
	b.mu.Lock()
	fn()
	held := b.held
	b.held = nil
	b.mu.Unlock()
	for _, again := range held {
		again()
	}
}

// see reads something under the lock.
func see[T any](b *oneQueue, fn func() T) T {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fn()
}

func (b *oneQueue) mux() *remoting.Mux {
	m := remoting.NewMux()
	on := func(code int32, fn func(f *protocol.Frame) (int32, protocol.Fields, []byte)) {
		m.Handle(code, fmt.Sprint(code), func(c *remoting.Conn, f *protocol.Frame) {
			b.mu.Lock()
			if b.busy && f.Code == protocol.ReqUpdateConsumerOffset && !f.IsOneway() {
				own := f.Clone()
				b.late = append(b.late, func() {
					_, _, _ = fn(own)
					r := own.Reply(0, "")
					_ = c.Send(&r)
				})
				b.mu.Unlock()
				return
			}
			if f.Code == protocol.ReqHeartBeat {
				b.greeted = c
			}
			silent := b.mute == f.Code
			code, fields, body := fn(f)
			b.mu.Unlock()
			if silent {
				return
			}
			r := f.Reply(code, "as the test has it")
			r.Fields, r.Body = fields, body
			_ = c.Send(&r)
		})
	}
	on(protocol.ReqGetRouteInfoByTopic, b.route)
	on(protocol.ReqHeartBeat, func(f *protocol.Frame) (int32, protocol.Fields, []byte) {
		if h, err := protocol.UnmarshalHeartbeat(f.Body); err == nil && !slices.Contains(b.members, h.ClientID) {
			b.members = append(b.members, h.ClientID)
		}
		return 0, nil, nil
	})
	on(protocol.ReqGetConsumerListByGroup, func(*protocol.Frame) (int32, protocol.Fields, []byte) {
		b.lists++
		return 0, nil, protocol.MarshalBody(protocol.ConsumerIDList{ConsumerIDs: b.members})
	})
	on(protocol.ReqUnregisterClient, func(*protocol.Frame) (int32, protocol.Fields, []byte) { b.left++; return 0, nil, nil })
	on(protocol.ReqQueryConsumerOffset, func(*protocol.Frame) (int32, protocol.Fields, []byte) {
		if b.saved < 0 {
			return protocol.ResQueryNotFound, nil, nil
		}
		return 0, offsetField(b.saved), nil
	})
	on(protocol.ReqUpdateConsumerOffset, func(f *protocol.Frame) (int32, protocol.Fields, []byte) {
		var h protocol.UpdateConsumerOffsetHeader
		_ = h.Decode(f.Fields)
		if f.IsOneway() {
			b.told++
		}
		if !f.IsOneway() || !b.deaf {
			b.saved = h.CommitOffset
		}
		return 0, nil, nil
	})
	on(protocol.ReqLockBatchMQ, func(f *protocol.Frame) (int32, protocol.Fields, []byte) {
		var asked protocol.LockBatchRequest
		_ = protocol.UnmarshalBody(f.Body, &asked)
		b.locks++
		if b.locked {
			asked.Queues = []client.Queue{}
		}
		return 0, nil, protocol.MarshalBody(protocol.LockBatchResponse{Locked: asked.Queues})
	})
	on(protocol.ReqUnlockBatchMQ, func(*protocol.Frame) (int32, protocol.Fields, []byte) { b.unlocks++; return 0, nil, nil })
	on(protocol.ReqConsumerSendMsgBack, func(*protocol.Frame) (int32, protocol.Fields, []byte) {
		if b.noBack {
			return protocol.ResSystemError, nil, nil
		}
		return 0, nil, nil
	})
	on(protocol.ReqSendMessageV2, func(f *protocol.Frame) (int32, protocol.Fields, []byte) {
		var h protocol.SendMessageHeader
		_ = h.DecodeV2(f.Fields)
		p := message.Properties(h.Properties)
		b.resent = append(b.resent, fmt.Sprintf("%s %s %d of %d from %s delay %s", h.Topic, f.Body, h.ReconsumeTimes, h.MaxReconsumeTimes,
			p.GetString(message.PropRetryTopic), p.GetString(message.PropDelay)))
		return b.flushed, nil, nil
	})
	m.Handle(protocol.ReqPullMessage, "PULL", b.pull)
	return m
}

func offsetField(offset int64) (fs protocol.Fields) {
	h := protocol.OffsetResponseHeader{Offset: offset}
	h.Append(&fs)
	return fs
}

func (b *oneQueue) route(f *protocol.Frame) (int32, protocol.Fields, []byte) {
	topic := f.Fields.String("topic")
	perm := int32(6)
	if topic != "t" {
		perm = 2 // retries are written here, and never read
	}
	r := protocol.RouteData{Brokers: []protocol.BrokerData{{Name: "b", Cluster: "c", Addrs: map[int64]string{0: b.addr}}},
		Queues: []protocol.QueueData{{BrokerName: "b", Perm: perm, ReadQueueNums: 1, WriteQueueNums: 1}}}
	return 0, nil, r.Append(nil, protocol.FastJSON)
}

func (b *oneQueue) pull(c *remoting.Conn, f *protocol.Frame) {
	var h protocol.PullMessageHeader
	if err := h.Decode(f.Fields); err != nil {
		b.t.Errorf("pull: %v", err)
		return
	}
	own := f.Clone()
	b.mu.Lock()
	b.asked = append(b.asked, h.QueueOffset)
	if h.SysFlag&protocol.PullCommitOffset != 0 {
		b.t.Error("a pull commits an offset, which may overtake that of Close")
	}
	b.conns = append(b.conns, c)
	b.mu.Unlock()
	b.answer(c, own, &h)
}

func (b *oneQueue) answer(c *remoting.Conn, f *protocol.Frame, h *protocol.PullMessageHeader) {
	b.mu.Lock()
	at := int(h.QueueOffset)
	out := protocol.PullMessageResponseHeader{NextBeginOffset: h.QueueOffset, MinOffset: int64(b.first), MaxOffset: int64(len(b.records))}
	var body []byte
	code := int32(protocol.ResSuccess)
	switch {
	case at < b.first:
		code, out.NextBeginOffset = protocol.ResPullOffsetMoved, int64(b.first)
	case at == len(b.records) && b.holdsNot:
		code = protocol.ResPullNotFound
	case at == len(b.records):
		b.held = append(b.held, func() { b.answer(c, f, h) })
		b.mu.Unlock()
		return
	default:
		for ; at < len(b.records); at++ {
			body = append(body, record(at, b.records[at])...)
		}
		out.NextBeginOffset = int64(at)
	}
	b.mu.Unlock()
	r := f.Reply(code, "")
	out.Append(&r.Fields)
	_ = c.SendBody(&r, body)
}

func record(offset int, body string) []byte {
	host := netip.MustParseAddrPort("127.0.0.1:1")
	r := message.Record{BornHost: host, StoreHost: host, Body: []byte(body), Topic: []byte("t")}
	out := message.AppendRecord(nil, &r)
	message.Seal(out, message.LogOffset(offset), message.QueueOffset(offset), 1)
	return out
}

func (b *oneQueue) client() *client.Client {
	b.t.Helper()
	c, err := client.New(client.Config{NameServers: []string{b.addr}})
	ok(b.t, err)
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.Close(ctx)
	})
	return c
}

func TestScriptOffsetMoved(t *testing.T) {
	b := newOneQueue(t, "0", "1", "2", "3", "4")
	b.first = 3
	got := newSeen()
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: got.handle})
	got.awaitDistinct(t, 2)
	b.change(func() { b.records, b.first = append(b.records, "5", "6", "7", "8"), 8 }) // 5 to 7 expire before they are read
	got.awaitDistinct(t, 3)
	closed(t, c)
	got.await(t, "8", func() bool { return got.times["8"] == 1 || got.times["5"] == 1 })
	if saved := see(b, func() int64 { return b.saved }); saved != 9 {
		t.Errorf("committed %d, want 9", saved)
	}
}

// TestScriptLostLock takes an ordered queue away from a member that has it, and gives it back at another offset.
func TestScriptLostLock(t *testing.T) {
	b := newOneQueue(t, "0", "1", "2")
	b.locked = true
	got := newSeen()
	c := b.client()
	p := push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Orderly: true, Handler: got.handle})
	until(t, "a try for the lock", func() bool { return see(b, func() int { return b.locks }) > 0 })
	if n := see(b, func() int { return len(b.asked) }); n > 0 {
		t.Errorf("%d pulls without the lock", n)
	}
	b.change(func() { b.locked, b.saved = false, 1 })
	got.awaitDistinct(t, 2)
	b.change(func() { b.locked = true }) // another member has it now, and handles 3
	p.RenewLocks()
	locks := see(b, func() int { return b.locks })
	b.change(func() { b.records = append(b.records, "3", "4") })
	until(t, "a try to get it back", func() bool { return see(b, func() int { return b.locks }) > locks })
	if len(got.bodies) != 2 {
		t.Errorf("handled without the lock: %v", got.bodies)
	}
	b.change(func() { b.locked, b.saved = false, 4 })
	got.awaitDistinct(t, 3)
	closed(t, p)
	if fmt.Sprint(got.bodies) != "[1 2 4]" || see(b, func() int64 { return b.saved }) != 5 || see(b, func() int { return b.unlocks }) != 1 {
		t.Errorf("got %v, committed %d, %d unlocks", got.bodies, b.saved, b.unlocks)
	}
}

func isDone(c *remoting.Conn) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

func TestScriptBrokerGoneAndBack(t *testing.T) {
	b := newOneQueue(t, "0")
	got := newSeen()
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: got.handle})
	for i := 1; i < 4; i++ {
		got.awaitDistinct(t, i)
		b.hangUp()
		b.change(func() { b.records = append(b.records, fmt.Sprint(i)) })
	}
	got.awaitDistinct(t, 4)
	// A broker that has heard nothing of the group since the connection closed is not told that the group is left either.
	until(t, "a heartbeat over the last connection", func() bool { return !isDone(see(b, func() *remoting.Conn { return b.greeted })) })
	closed(t, c)
	if saved := see(b, func() int64 { return b.saved }); saved != 4 || len(got.bodies) != 4 {
		t.Errorf("committed %d, handled %v", saved, got.bodies)
	}
	if left := see(b, func() int { return b.left }); left != 1 {
		t.Errorf("it left the group %d times", left)
	}
	noGoroutines(t)
}

func TestScriptResetAndStatus(t *testing.T) {
	b := newOneQueue(t, "0", "1", "2")
	got := newSeen()
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: got.handle})
	got.awaitDistinct(t, 3)
	until(t, "the pull behind the last message", func() bool { return slices.Contains(see(b, func() []int64 { return slices.Clone(b.asked) }), 3) })
	conn := see(b, func() *remoting.Conn { return b.conns[0] })
	reset := protocol.ResetOffset{OffsetTable: map[client.Queue]int64{{BrokerName: "b", Topic: "t"}: 1, {BrokerName: "b", QueueID: 9, Topic: "t"}: 1}}
	f := protocol.Frame{Code: protocol.ReqResetConsumerClientOffset, Flag: protocol.FlagOneway, Version: protocol.CurrentVersion, Body: reset.Append(nil)}
	h := protocol.ResetOffsetHeader{Group: "g", Topic: "t", QueueID: -1, Offset: -1, Timestamp: 5}
	h.Append(&f.Fields)
	ok(t, conn.Send(&f))
	got.await(t, "two again", func() bool { return len(got.bodies) == 5 })
	status := protocol.Frame{Code: protocol.ReqGetConsumerStatusFromClient, Version: protocol.CurrentVersion}
	hs := protocol.ConsumerStatusHeader{Topic: "t", Group: "g"}
	hs.Append(&status.Fields)
	var text string
	until(t, "the place behind the last message", func() bool {
		answer, err := conn.Invoke(t.Context(), &status)
		ok(t, err)
		text = string(answer.Body)
		return text == `{"messageQueueTable":{{"brokerName":"b","queueId":0,"topic":"t"}:3}}`
	})
	odd := protocol.Frame{Code: protocol.ReqResetConsumerClientOffset, Flag: protocol.FlagOneway, Body: []byte("{")}
	h.Append(&odd.Fields)
	ok(t, conn.Send(&odd)) // refused in the log alone
	closed(t, c)
}

// TestScriptSendBackRefused has failed messages go to the retry topic when their broker does not take them back.
func TestScriptSendBackRefused(t *testing.T) {
	b := newOneQueue(t, "a", "b")
	b.noBack = true
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, MaxReconsumeTimes: 7, Concurrency: 1,
		Handler: func(_ context.Context, ds []*client.Delivery) error {
			if string(ds[0].Body) == "b" {
				return &client.RetryError{Err: errors.New("hopeless"), DelayLevel: -1}
			}
			return errors.New("later")
		}})
	until(t, "both resent", func() bool { return see(b, func() int { return len(b.resent) }) == 2 })
	closed(t, c)
	want := "%RETRY%g a 1 of 7 from t delay 3|%RETRY%g b 8 of 7 from t delay 10"
	if got := strings.Join(b.resent, "|"); got != want {
		t.Errorf("resent %s, want %s", got, want)
	}
	if b.saved != 2 {
		t.Errorf("committed %d", b.saved)
	}
}

// TestScriptOrderedGivenUp sends an ordered message that failed too often to the retry topic, from where it becomes a dead letter.
func TestScriptOrderedGivenUp(t *testing.T) {
	b := newOneQueue(t, "bad", "good")
	got := newSeen()
	c := b.client()
	push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Orderly: true, MaxReconsumeTimes: 2, SuspendTime: 10 * time.Millisecond,
		Handler: func(ctx context.Context, ds []*client.Delivery) error {
			got.add(ds)
			if string(ds[0].Body) == "bad" {
				return errors.New("never")
			}
			return nil
		}})
	got.await(t, "good", func() bool { return got.times["good"] == 1 })
	closed(t, c)
	if got.times["bad"] != 3 || len(b.resent) != 1 || !strings.HasPrefix(b.resent[0], "%RETRY%g bad 3 of 2 ") || b.saved != 2 {
		t.Errorf("handled %v, resent %v, committed %d", got.bodies, b.resent, b.saved)
	}
}

// TestScriptHandlerTooSlow lets the offset go on past a message that a handler does not finish: it is given back.
func TestScriptHandlerTooSlow(t *testing.T) {
	b := newOneQueue(t, "stuck", "good")
	got := newSeen()
	c := b.client()
	in, out := make(chan struct{}), make(chan struct{})
	p := push(t, c, client.PushConfig{Group: "g", Subscriptions: on("t"), From: client.FromFirst, Handler: func(ctx context.Context, ds []*client.Delivery) error {
		if string(ds[0].Body) == "stuck" {
			close(in)
			<-out
			return errors.New("too late")
		}
		return got.handle(ctx, ds)
	}})
	<-in
	got.awaitDistinct(t, 1)
	b.change(func() { b.noBack = true })
	p.Expire(time.Now().Add(time.Hour))
	if n := see(b, func() int { return len(b.resent) }); n != 1 {
		t.Errorf("given back %d times", n)
	}
	close(out)
	closed(t, c)
	if n := see(b, func() int { return len(b.resent) }); n != 1 {
		t.Errorf("given back %d times in the end", n)
	}
	if saved := see(b, func() int64 { return b.saved }); saved != 2 {
		t.Errorf("committed %d", saved)
	}
}
