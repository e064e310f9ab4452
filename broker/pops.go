package broker

import (
	"context"
	"time"

	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/broker/popping"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/projection/group"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// popHost is the broker as package popping sees it.
type popHost struct{ b *Broker }

func (b *Broker) newPops() *popping.Pops {
	o := b.opt.Pop
	o.BrokerName, o.Address, o.Unreadable = b.opt.BrokerName, b.opt.StoreHost.Addr().String(), b.opt.Permission&permRead == 0
	o.MaxBytes, o.Now, o.Steady, o.Logger = b.opt.PullMaxBytes, b.opt.Now, b.steady, b.opt.Logger
	o.Statistics, o.Spans = b.statistics, b.opt.Spans
	return popping.New(b.store, popHost{b}, o)
}

func (h popHost) Answer(c *remoting.Conn, f *protocol.Frame, code int32, remark string) {
	h.b.answer(c, f, code, remark)
}

func (h popHost) Refuse(c *remoting.Conn, f *protocol.Frame, err error) { h.b.refuse(c, f, err) }

func (h popHost) RefusalOf(err error) *apart.Refusal { return h.b.refusalOf(err) }

func (h popHost) Later(c *remoting.Conn, f *protocol.Frame, fn func(f *protocol.Frame)) {
	h.b.later(c, f, fn)
}

func (h popHost) EnsureGroup(name string) (group.Config, error) {
	ctx, cancel := context.WithTimeout(context.Background(), makeTimeout)
	defer cancel()
	return h.b.ensureGroup(ctx, name)
}

func (h popHost) Compile(kind, expression string) (*filter.Filter, error) {
	f, err := h.b.filters.Compile(kind, expression)
	if r := h.b.refuseFilter(kind, err); r != nil {
		return nil, r
	}
	return f, nil
}

// Read waits until few enough pulls and pops read at the same time.
func (h popHost) Read(dst []byte, q message.Queue, from message.QueueOffset, count, size int, f *filter.Filter) ([]byte, popping.Read) {
	if f == nil {
		f = filter.All()
	}
	h.b.reading <- struct{}{}
	defer func() { <-h.b.reading }()
	out, got := h.b.get(dst, &pullRequest{queue: q, filter: f, hdr: protocol.PullMessageHeader{QueueOffset: int64(from)}}, count, size, true)
	return out, popping.Read{Next: got.Next, Count: got.Count, Err: got.Err}
}

func (h popHost) Recent(q message.Queue) bool { return h.b.firstIsRecent(q) }

func (h popHost) Members(groupName string) (ids []string) {
	h.b.clientMu.Lock()
	defer h.b.clientMu.Unlock()
	if g := h.b.clients.Group(groupName); g != nil {
		for _, m := range g.Clients() {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (h popHost) LiteQueues(clientID, groupName string) []string {
	return h.b.LiteQueues(clientID, groupName)
}

func (h popHost) Reserve(name string, messages, bytes int) (m, b int, wait time.Duration) {
	return h.b.reserveFor(name, messages, bytes)
}

func (h popHost) Settle(name string, messages, bytes int) {
	h.b.pulls.Settle(name, int64(messages), int64(bytes))
}

func (h popHost) Got(c popping.Catch) {
	if n := c.Messages - c.AgainCount; n > 0 {
		h.b.meters.Out(c.Topic, c.Group, meter.Popped, n, c.Bytes-c.AgainSize)
	}
	if c.AgainCount > 0 {
		h.b.meters.Out(c.Topic, c.Group, meter.PoppedIn, c.AgainCount, c.AgainSize)
	}
}
