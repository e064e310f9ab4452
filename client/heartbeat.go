package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// heartbeats tell the brokers of the routes in use which groups this client has: every [Config.HeartbeatInterval], and at once on a
// new connection, to a new broker and for a new member. One goroutine, which starts with the first member.
type heartbeats struct {
	c      *Client
	wake   chan struct{} // something may be new
	turn   chan struct{} // held by who tells brokers something: a heartbeat must not overtake a leaving
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	started bool                // guarded by mu, as all below
	closed  bool                //
	round   int                 // goes up with each new member
	told    map[string]greeting // by address; what brokers know
}

// greeting is the last heartbeat to an address: over which connection, and of the members of which round. It is noted before the
// broker has answered: who leaves tells all that may have heard of it.
type greeting struct {
	conn  *remoting.Conn
	round int // -1: not answered, to be told again
}

// heartbeatTimeout is how long a broker may take to answer a heartbeat.
const heartbeatTimeout = 3 * time.Second

func (h *heartbeats) init(c *Client) {
	h.c, h.wake, h.told = c, make(chan struct{}, 1), map[string]greeting{}
	h.turn = make(chan struct{}, 1)
	h.ctx, h.cancel = context.WithCancel(context.Background())
}

// kick has new brokers and connections told soon.
func (h *heartbeats) kick() {
	h.mu.Lock()
	if !h.started && !h.closed && h.c.hasMembers() {
		h.started = true
		h.wg.Add(1)
		go h.run()
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (c *Client) hasMembers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.members) > 0
}

func (h *heartbeats) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}

func (h *heartbeats) run() {
	defer h.wg.Done()
	tick := time.NewTicker(h.c.config.HeartbeatInterval)
	defer tick.Stop()
	for {
		all := false
		select {
		case <-h.ctx.Done():
			return
		case <-h.wake:
		case <-tick.C:
			all = true
		}
		if err := h.tell(h.ctx, all); err != nil && h.ctx.Err() == nil {
			h.c.config.Logger.Warn("client: heartbeat", "error", err)
		}
	}
}

// beat tells all brokers of the routes in use about all members now, and waits for their answers. A consumer calls it before it asks
// a broker who is in its group.
func (c *Client) beat(ctx context.Context) error { return c.beats.tell(ctx, true) }

// tell sends heartbeats to all brokers, or to those only that have not had one over their present connection.
func (h *heartbeats) tell(ctx context.Context, all bool) error {
	if err := takeTurn(ctx, h.turn); err != nil {
		return fmt.Errorf("client: waiting for another heartbeat: %w", err)
	}
	defer func() { <-h.turn }()
	h.mu.Lock()
	round := h.round // before the members are looked at: one that comes meanwhile belongs to the next round
	h.forgetClosed()
	h.mu.Unlock()
	members := h.c.snapshot()
	addrs := h.c.brokers(ctx, members)
	if len(addrs) == 0 {
		return nil
	}
	f := protocol.Frame{Code: protocol.ReqHeartBeat, Body: h.c.heartbeatBody(members)}
	var wg sync.WaitGroup
	errs := make([]error, len(addrs))
	for i, addr := range addrs {
		if ctx.Err() != nil {
			break
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = h.tellOne(ctx, addr, &f, greeting{round: round}, all)
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// takeTurn puts the one value into turn that fits. If that is possible at once, it does not matter whether ctx has ended.
func takeTurn(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *heartbeats) tellOne(ctx context.Context, addr string, f *protocol.Frame, now greeting, all bool) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeatTimeout)
	defer cancel()
	var err error
	if now.conn, err = h.c.cluster.Conn(ctx, addr); err != nil {
		return err
	}
	h.mu.Lock()
	knows := h.told[addr] == now
	h.told[addr] = now
	h.mu.Unlock()
	if knows && !all {
		return nil
	}
	answer, err := h.c.cluster.Invoke(ctx, addr, f)
	if err == nil {
		err = cluster.Check(answer, addr, f.Code)
	}
	if err != nil {
		now.round = -1
		h.mu.Lock()
		h.told[addr] = now
		h.mu.Unlock()
	}
	return err
}

// joined has every broker told at the next kick: there is a new member.
func (h *heartbeats) joined() {
	h.mu.Lock()
	h.round++
	h.mu.Unlock()
}

// forgetClosed forgets connections that are closed: the broker at the other end has forgotten us too. mu is held.
func (h *heartbeats) forgetClosed() {
	maps.DeleteFunc(h.told, func(_ string, g greeting) bool {
		select {
		case <-g.conn.Done():
			return true
		default:
			return false
		}
	})
}

// brokers are the addresses to tell: the masters of the routes in use, and the slaves too if there is a consumer, which may read from them.
func (c *Client) brokers(ctx context.Context, members []member) []string {
	var addrs []string
	consumers := slices.ContainsFunc(members, func(m member) bool { return m.consumerGroup() != "" })
	for _, m := range members {
		for _, topic := range m.topicsInUse() {
			r, err := c.cluster.Route(ctx, topic)
			if err != nil {
				continue // a retry topic that nobody has needed yet, or one that does not exist any more
			}
			for _, b := range r.Brokers {
				for id, addr := range b.Addrs {
					if id == protocol.MasterID || consumers {
						addrs = append(addrs, addr)
					}
				}
			}
		}
	}
	slices.Sort(addrs)
	return slices.Compact(addrs)
}

// heartbeatBody is what the members have to say. Several producers of one group count once.
func (c *Client) heartbeatBody(members []member) []byte {
	data := protocol.HeartbeatData{ClientID: c.id, ProducerDataSet: []protocol.ProducerData{}, ConsumerDataSet: []protocol.ConsumerData{}}
	for _, m := range members {
		m.heartbeat(&data)
	}
	slices.SortFunc(data.ProducerDataSet, func(a, b protocol.ProducerData) int { return strings.Compare(a.GroupName, b.GroupName) })
	data.ProducerDataSet = slices.Compact(data.ProducerDataSet)
	return protocol.MarshalBody(&data)
}

// leave tells the brokers that a member's group is gone (35), as far as there are connections.
func (c *Client) leave(ctx context.Context, m member) {
	var own protocol.HeartbeatData
	m.heartbeat(&own)
	header := protocol.UnregisterClientHeader{ClientID: c.id, ConsumerGroup: m.consumerGroup()}
	for _, p := range own.ProducerDataSet {
		header.ProducerGroup = p.GroupName
	}
	for _, other := range c.snapshot() {
		var data protocol.HeartbeatData
		other.heartbeat(&data)
		if header.ProducerGroup != "" && slices.Contains(data.ProducerDataSet, protocol.ProducerData{GroupName: header.ProducerGroup}) {
			return
		}
	}
	f := protocol.Frame{Code: protocol.ReqUnregisterClient}
	header.Append(&f.Fields)
	ctx, cancel := context.WithTimeout(ctx, heartbeatTimeout)
	defer cancel()
	if err := takeTurn(ctx, c.beats.turn); err != nil {
		return // brokers forget the group when the connection closes
	}
	defer func() { <-c.beats.turn }()
	var addrs []string
	c.beats.mu.Lock()
	c.beats.forgetClosed()
	for addr := range c.beats.told {
		addrs = append(addrs, addr)
	}
	c.beats.mu.Unlock()
	var wg sync.WaitGroup
	for _, addr := range addrs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := c.cluster.Invoke(ctx, addr, &f); err != nil {
				c.config.Logger.Debug("client: leaving a group was not heard", "addr", addr, "error", err)
			}
		}()
	}
	wg.Wait()
}
