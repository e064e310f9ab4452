package popping

// POP_MESSAGE (200050).
//
// Callers: push consumers whose queues the broker shares out, gRPC proxies.
//
// Behaviour: checks in Apache's order. Queue -1 is every queue of the topic, from a random one on. One in five pops looks into
// the group's retry topics first, the others when there is room left; ordered pops never do. All that is handed out stands
// in the log before the answer. A pop that finds nothing waits until a message arrives that its filter wants, an
// ordered queue is free again, another pop of a queue has ended, or its time is up. Messages from retry topics bear the name of the topic that was asked for,
// and their handle as a property.
//
// Codes: 0; 209 too many wait; 210 nothing came, or the request is too old; 16 broker, topic or group forbidden; 17 no such
// topic; 23 expression unreadable; 26 no such group; 29 queue id, or more than 32 messages; 1 unreadable header.

import (
	"cmp"
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/broker/trace"
	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
	"github.com/aerobee-mq/aerobee/projection/pop"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/protocol/apart"
	"github.com/aerobee-mq/aerobee/remoting"
)

// tooLate is by how much a request may be older than it wants to wait, in ms.
const tooLate = 500

// source is one queue that a pop reads.
type source struct {
	queue message.Queue
	from  protocol.PopTopic
}

// HandlePop serves POP_MESSAGE.
func (p *Pops) HandlePop(c *remoting.Conn, f *protocol.Frame) {
	p.host.Later(c, f, func(f *protocol.Frame) {
		r := &request{conn: c, frame: replyTo(f)}
		if err := r.hdr.Decode(f.Fields); err != nil {
			p.host.Answer(c, f, protocol.ResSystemError, err.Error())
			return
		}
		if err := p.checkPop(r); err != nil {
			p.refuseWith(c, f, err, &protocol.PopMessageResponseHeader{})
			return
		}
		p.servePop(r)
	})
}

func (p *Pops) checkPop(r *request) error {
	h := &r.hdr
	if late := p.patience(r, h.BornTime, h.PollTime); late > tooLate {
		return apart.Refuse(protocol.ResPollingTimeout, "the broker[%s] pop message is timeout too much", p.opt.Address)
	}
	if h.MaxMsgNums > pop.MaxMessages {
		return apart.Refuse(protocol.ResInvalidParameter, "the broker[%s] pop message's num is greater than %d", p.opt.Address, pop.MaxMessages)
	}
	k, err := p.check("pop", h.ConsumerGroup, h.Topic, h.QueueID)
	if err != nil {
		return err
	}
	p.about(r, k, h.QueueID, h.Order)
	if h.Expression != "" {
		r.filter, err = p.host.Compile(h.ExpressionType, h.Expression)
	}
	invisible := max(0, min(h.InvisibleTime, p.opt.MaxInvisible.Milliseconds()))
	r.hdr = protocol.PopMessageHeader{MaxMsgNums: h.MaxMsgNums, InvisibleTime: invisible, InitMode: h.InitMode, Order: h.Order, AttemptID: attempt(h.AttemptID)}
	return err
}

// maxPoll bounds how long a request may wait, whatever it asks for. Clients ask again when their time is up.
const maxPoll = time.Hour

// patience notes how long a request may wait, by its client's clock, and returns how many milliseconds ago it should have been answered.
func (p *Pops) patience(r *request, born, poll int64) (late int64) {
	now := p.opt.Now().UnixMilli()
	if born <= 0 || born > now {
		born = now
	}
	poll = max(0, min(poll, maxPoll.Milliseconds()))
	wait := max(born+poll-now, 0)
	r.deadline, r.waits = p.opt.Steady().Add(time.Duration(wait)*time.Millisecond), wait > 0
	return now - born - poll
}

// about notes what a request is about. What it keeps is its own: strings of the frame would keep all of the frame.
func (p *Pops) about(r *request, k checked, queue int32, ordered bool) {
	groupName := strings.Clone(k.group.Name)
	r.key = key{group: groupName, queue: max(queue, -1)}
	r.topics = append([]string{k.topic.Name}, p.retryTopics(groupName, k.topic.Name, ordered)...)
}

// attempt is an attempt's id, none if it is longer than any that counts.
func attempt(id string) string {
	if len(id) > pop.MaxAttempt {
		return ""
	}
	return strings.Clone(id)
}

// retryTopics are the names of the topics in which a group's messages of a topic come again.
func (p *Pops) retryTopics(groupName, topicName string, ordered bool) []string {
	switch v1, v2 := protocol.PopRetryV1.Name(groupName, topicName), protocol.PopRetryV2.Name(groupName, topicName); {
	case ordered || message.IsRetry(topicName):
		return nil
	case !p.opt.RetryTopicV2:
		return []string{v1}
	case p.opt.OnlyRetryV2:
		return []string{v2}
	default:
		return []string{v2, v1}
	}
}

// sources lists the queues to read, in the order in which this request reads them.
func (p *Pops) sources(r *request) []source {
	if r.lite {
		return p.liteSources(r)
	}
	var own, again []source
	for i, name := range r.topics {
		t, ok := p.store.Topic(name)
		switch {
		case !ok:
		case i == 0 && r.key.queue >= 0:
			own = append(own, source{message.Queue{Topic: name, ID: message.QueueID(r.key.queue)}, protocol.PopTopicOf(name)})
		case i == 0:
			own = appendQueues(own, name, t.ReadQueues)
		default:
			again = appendQueues(again, name, t.ReadQueues)
		}
	}
	if rand.IntN(100) >= p.opt.RetryLast { // #nosec G404 -- spreads load, guards nothing
		return append(again, own...)
	}
	return append(own, again...)
}

// appendQueues appends all queues of a topic from a random one on.
func appendQueues(dst []source, name string, n int32) []source {
	if n <= 0 {
		return dst
	}
	start := rand.Int32N(n) // #nosec G404 -- spreads load, guards nothing
	for i := range n {
		dst = append(dst, source{message.Queue{Topic: name, ID: message.QueueID((start + i) % n)}, protocol.PopTopicOf(name)})
	}
	return dst
}

// servePop runs a pop until it is answered or waits.
func (p *Pops) servePop(r *request) {
	for {
		r = p.current(r)
		g := gathering{p: p, r: r, began: p.opt.Steady(), popTime: p.opt.Now().UnixMilli(), room: min(max(int(r.hdr.MaxMsgNums), 1), pop.MaxMessages), size: p.opt.MaxBytes}
		slowed, err := g.runWithin()
		switch {
		case err != nil:
			p.refuseWith(r.conn, &r.frame, err, &protocol.PopMessageResponseHeader{})
			return
		case g.count > 0:
			p.host.Got(g.caught())
			g.tally(true)
			g.trace()
			p.answer(r.conn, &r.frame, protocol.ResSuccess, "FOUND", g.answerHeader(), g.body)
			if g.rest > 0 {
				p.wakeNext(r)
			}
			return
		}
		busy := r.busy // as soon as it waits it may be another's
		if code := p.wait(r, g.until); code != 0 {
			p.answer(r.conn, &r.frame, code, p.whyNotWait(code), g.answerHeader())
			return
		}
		if slowed {
			return // there may be much to read, but not yet
		}
		// What came between the look and the wait woke nobody.
		if !p.outdated(r) && !p.ready(r, busy) || !p.table.remove(r) {
			return
		}
	}
}

// ready reports whether a pop should look again: it would find something to read, or a queue is busy of whose lease it would not be told.
func (p *Pops) ready(r *request, busy found) bool {
	if r.wild != "" {
		return p.wilds.some(r.wild)
	}
	for _, s := range p.sources(r) {
		ready, refused := p.store.PopReady(r.key.group, s.queue, p.leaseRequest(r, s, pop.MaxMessages, p.opt.Now().UnixMilli()))
		if ready || refused != nil && refused.Reason == pop.Busy && busy == (found{}) {
			return true
		}
	}
	return false
}

func (p *Pops) leaseRequest(r *request, s source, room int, now int64) pop.Request {
	return pop.Request{Ordered: r.hdr.Order, Attempt: r.hdr.AttemptID, Max: room, Start: p.start(r, s), PerQueue: p.opt.PerQueue, PerGroup: p.opt.PerGroup, Total: p.opt.Total,
		NowMillis: now}
}

// start is where a group begins that has no offset in the queue.
func (p *Pops) start(r *request, s source) message.QueueOffset {
	if p.begun(r, s) {
		return 0
	}
	least := p.store.MinOffset(s.queue)
	if r.hdr.InitMode == 0 || s.from != protocol.PopNormal || least == 0 && p.host.Recent(s.queue) {
		return least
	}
	return max(p.store.MaxOffset(s.queue)-1, least)
}

// begun reports whether the group has an offset in the queue.
func (p *Pops) begun(r *request, s source) bool {
	_, ok := p.store.Offset(r.key.group, s.queue)
	return ok
}

// gathering is one run of a pop.
type gathering struct {
	p       *Pops
	r       *request
	began   time.Time
	popTime int64
	room    int // how many messages are still wanted
	size    int // how many bytes of them there may be; one message always fits

	look   bool // nothing is handed out: leases are nobody's
	taken  []pop.Taken
	leased []message.Queue // those of taken
	infos  []info
	body   []byte
	raw    []byte
	count  int
	// again are those of count that come again, and againBytes their part of body.
	again, againBytes int
	rest              int64
	seen              []place
	until             int64 // ms; when a queue that hands out nothing may do so again, 0 for none
	revive            int32
	wild              map[string]int64 // the lite topics drawn for a wildcard group, see wilds.settle
}

// caught is what the run has brought.
func (g *gathering) caught() Catch {
	return Catch{Group: g.r.key.group, Topic: cmp.Or(g.r.parent, g.r.topics[0]), Messages: g.count, Bytes: len(g.body), AgainCount: g.again, AgainSize: g.againBytes}
}

// place is how far a run has come in one queue.
type place struct {
	queue message.Queue
	next  message.QueueOffset
}

// info is what the answer's header says of one queue.
type info struct {
	source
	start  message.QueueOffset
	offs   []int64
	counts []int32 // of the first messages; none is 0
	bytes  int     // of the messages in the answer
}

// runWithin is run within the group's quota. slowed says that it has room for nothing yet.
func (g *gathering) runWithin() (slowed bool, err error) {
	messages, bytes, wait := g.p.host.Reserve(g.r.key.group, g.room, g.size)
	if wait > 0 {
		g.revive = g.p.reviveQueue(g.r.hdr.Order)
		g.soonest(g.popTime + wait.Milliseconds() + 1)
		return true, nil
	}
	g.room, g.size = messages, bytes
	err = g.run()
	g.p.host.Settle(g.r.key.group, g.count-messages, len(g.body)-bytes)
	return false, err
}

// run gathers messages from all queues and writes down that they are handed out.
func (g *gathering) run() (err error) {
	g.revive = g.p.reviveQueue(g.r.hdr.Order)
	g.r.busy = found{}
	defer func() {
		if err != nil {
			for i := range g.taken {
				g.p.store.PopAbandon(g.taken[i].Lease)
			}
			g.free()
		}
		g.settleWild()
	}()
	for _, s := range g.sources() {
		if len(g.taken) == pop.MaxParts && g.count == 0 {
			if err := g.take(); err != nil {
				return err
			}
		}
		if g.room <= 0 || len(g.taken) == pop.MaxParts || g.count > 0 && len(g.body) >= g.size {
			off, _ := g.p.store.Offset(g.r.key.group, s.queue)
			g.seen = append(g.seen, place{s.queue, off})
			continue
		}
		if err := g.from(s); err != nil {
			return err
		}
	}
	if err := g.take(); err != nil {
		return err
	}
	g.countRest() // only now that the leases have ended: who has found the queues busy meanwhile waits for what is left
	return nil
}

// sources are the queues that this run reads.
func (g *gathering) sources() []source {
	if g.r.wild != "" {
		return g.drawWild()
	}
	return g.p.sources(g.r)
}

// take writes down what the leases so far have come to. While they have come to no message, a pop of many queues may do so more than
// once: a group's first one settles in each where the group begins.
func (g *gathering) take() error {
	if len(g.taken) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), popTimeout)
	defer cancel()
	taken := g.taken
	g.taken = nil // PopTake ends the leases; what it could not wait for is still on its way
	defer g.free()
	return g.p.store.PopTake(ctx, g.popTime, g.r.hdr.InvisibleTime, g.r.hdr.Order, taken...)
}

// tally counts what is handed out, to be acknowledged if popped.
func (g *gathering) tally(popped bool) {
	took := g.p.opt.Steady().Sub(g.began).Milliseconds()
	for i := range g.infos {
		in := &g.infos[i]
		g.p.opt.Statistics.Got(g.r.key.group, in.queue.Topic, int32(in.queue.ID), len(in.offs), in.bytes, took)
		if popped {
			g.p.opt.Statistics.Popped(g.r.key.group, in.queue.Topic)
		}
	}
}

// trace tells of each message that is handed out.
func (g *gathering) trace() {
	spans := g.p.opt.Spans
	if spans == nil {
		return
	}
	d := trace.Delivery{Group: g.r.key.group, Client: g.r.conn.RemoteAddr(), Took: g.p.opt.Steady().Sub(g.began)}
	rest := g.body
	for i := range g.infos {
		in := &g.infos[i]
		for j, off := range in.offs {
			rec, err := message.ParseRecord(rest)
			if err != nil {
				return
			}
			rest = rest[rec.Size:]
			d.Queue, d.Offset, d.Again = in.queue, message.QueueOffset(off), 0
			if j < len(in.counts) {
				d.Again = in.counts[j]
			}
			spans.Received(&d, &rec)
		}
	}
}

// countRest counts about how much is left to hand out.
func (g *gathering) countRest() {
	for _, s := range g.seen {
		g.rest += max(0, int64(g.p.store.MaxOffset(s.queue)-s.next))
	}
}

// from gathers messages of one queue.
func (g *gathering) from(s source) error {
	for {
		ask := g.p.leaseRequest(g.r, s, g.room, g.popTime)
		ask.Look = g.look
		l, err := g.p.store.PopBegin(g.r.key.group, s.queue, ask)
		if r := refused(err); r != nil {
			g.pass(s, r)
			return nil
		}
		if err != nil {
			return err
		}
		before := len(g.body)
		t, in, gone, err := g.read(s, l)
		// Where a group begins is settled by its first pop, though it finds nothing: by the next one the queue's end has moved.
		useful := len(t.Again)+len(t.Fresh) > 0 || t.Next > l.From || s.from == protocol.PopNormal && !g.p.begun(g.r, s)
		if err != nil || gone != 0 || !useful {
			g.abandon(s, l)
		}
		switch {
		case err != nil:
			return err
		case gone != 0:
			if err := g.expire(gone); err != nil {
				return err
			}
			continue // the message is gone; what comes again without it?
		case useful:
			g.taken, g.leased = append(g.taken, t), append(g.leased, s.queue)
		}
		g.seen = append(g.seen, place{s.queue, t.Next})
		g.saw(s.queue, len(in.offs), t.Next)
		if len(in.offs) > 0 {
			g.infos = append(g.infos, in)
			g.count += len(in.offs)
			if in.from != protocol.PopNormal {
				g.again, g.againBytes = g.again+len(in.offs), g.againBytes+len(g.body)-before
			}
			g.room -= len(in.offs)
		}
		return nil
	}
}

// abandon ends a lease of which nothing came.
func (g *gathering) abandon(s source, l pop.Lease) {
	g.p.store.PopAbandon(l)
	if !g.look {
		g.p.free(g.r.key.group, s.queue)
	}
}

// free lets those look again who have found the queues of this run busy.
func (g *gathering) free() {
	for _, q := range g.leased {
		g.p.free(g.r.key.group, q)
	}
	g.leased = nil
}

func (g *gathering) expire(handle message.LogOffset) error {
	ctx, cancel := context.WithTimeout(context.Background(), popTimeout)
	defer cancel()
	return g.p.store.PopExpire(ctx, handle)
}

// pass notes why a queue hands out nothing.
func (g *gathering) pass(s source, r *pop.Refusal) {
	switch r.Reason {
	case pop.Full:
		g.p.sayFull(g.r.key.group, s.queue, r)
		g.soonest(g.popTime + fullNap)
		g.nap(s.queue, g.popTime+fullNap)
	case pop.Blocked:
		g.soonest(r.Until)
		g.nap(s.queue, cmp.Or(r.Until, g.popTime+busyNap))
	case pop.Busy:
		g.nap(s.queue, g.popTime+busyNap)
		if g.r.busy == (found{}) {
			g.r.busy = found{g.r.key.group, s.queue}
		}
		g.soonest(g.popTime + busyNap)
	}
}

// busyNap is how soon a pop that has found a queue busy looks again if it is not told, in ms. It is told when the lease ends, but not of
// one that nobody has waited for, nor of a second queue that it has found busy.
const busyNap = 1000

// fullNap is how soon a pop looks again that has found too much in flight, in ms: nobody tells it of acknowledgements.
const fullNap = 1000

// soonest notes a time at which there may be more, 0 for none.
func (g *gathering) soonest(at int64) {
	if at > 0 && (g.until == 0 || at < g.until) {
		g.until = at
	}
}

// read reads what a lease allows. gone is the handle of a message that was to come again and cannot be read any more.
func (g *gathering) read(s source, l pop.Lease) (t pop.Taken, in info, gone message.LogOffset, err error) {
	t, in = pop.Taken{Lease: l, Next: l.From}, info{source: s, start: l.From}
	before := len(g.body)
	defer func() {
		if err != nil || gone != 0 {
			g.body = g.body[:before]
		}
	}()
	for i, again := range l.Again {
		var got Read
		g.raw, got = g.p.host.Read(g.raw[:0], s.queue, again.Offset, 1, 1, nil)
		if got.Err != nil {
			return t, in, 0, got.Err
		}
		if g.count+i > 0 && len(g.body)+len(g.raw) > g.size {
			return t, in, 0, nil // the rest blocks the queue no longer than this, and comes before anything new
		}
		rec, parseErr := message.ParseRecord(g.raw)
		if got.Count == 0 || parseErr != nil || light.OffsetIn(s.queue.Topic, &rec) != again.Offset {
			return t, in, again.Handle, nil
		}
		if i == 0 {
			in.start = again.Offset
		}
		t.Again = append(t.Again, again.Offset)
		g.add(&in, &rec, again.Offset, g.raw)
		in.counts = append(in.counts, again.Count)
	}
	if l.Room <= 0 {
		return t, in, 0, nil
	}
	return t, in, 0, g.readFresh(&t, &in)
}

// readFresh reads messages that come for the first time.
func (g *gathering) readFresh(t *pop.Taken, in *info) error {
	var f *filter.Filter
	if in.from == protocol.PopNormal {
		f = g.r.filter
	}
	l := &t.Lease
	raw, got := g.p.host.Read(g.raw[:0], in.queue, l.From, l.Room+min(len(l.Skip), pop.MaxMessages), max(g.size-len(g.body), 1), f)
	g.raw = raw
	if got.Err != nil {
		return got.Err
	}
	skip := l.Skip
	for len(raw) > 0 {
		rec, err := message.ParseRecord(raw)
		if err != nil {
			return err
		}
		one := raw[:rec.Size]
		raw = raw[rec.Size:]
		off := light.OffsetIn(in.queue.Topic, &rec)
		for len(skip) > 0 && skip[0] < off {
			skip = skip[1:]
		}
		if len(skip) > 0 && skip[0] == off {
			continue
		}
		if len(t.Fresh) == l.Room {
			t.Next = off
			return nil
		}
		t.Fresh = append(t.Fresh, off)
		g.add(in, &rec, off, one)
	}
	t.Next = max(got.Next, l.From)
	return nil
}

// add appends a message to the answer, which has the offset off in the queue.
func (g *gathering) add(in *info, rec *message.Record, off message.QueueOffset, raw []byte) {
	before := len(g.body)
	g.addRecord(in, rec, off, raw)
	in.offs = append(in.offs, int64(off))
	in.bytes += len(g.body) - before
}

// addRecord appends the message as the client is to see it.
func (g *gathering) addRecord(in *info, rec *message.Record, off message.QueueOffset, raw []byte) {
	if in.from == protocol.PopNormal || g.p.opt.ActualRetryTopic || message.IsRetry(g.r.topics[0]) {
		g.body = append(g.body, raw...)
		return
	}
	h := protocol.PopHandle{StartOffset: int64(in.start), PopTime: g.popTime, InvisibleTime: g.r.hdr.InvisibleTime, ReviveQueue: g.revive,
		Topic: in.from, BrokerName: g.p.opt.BrokerName, QueueID: int32(in.queue.ID), QueueOffset: int64(off), CommitLogOffset: -1}
	rec.Topic = []byte(g.r.topics[0])
	rec.Properties = rec.Properties.Without(message.PropCRC).With(message.PropPopCheckpoint, string(h.Append(nil)))
	at, stored := rec.LogOffset, rec.StoreTime
	from := len(g.body)
	g.body = message.AppendRecord(g.body, rec)
	message.Seal(g.body[from:], at, rec.QueueOffset, stored)
}

// header is the answer's header.
func (g *gathering) answerHeader() interface{ Append(fs *protocol.Fields) } {
	if g.r.lite {
		return g.liteHeader()
	}
	return g.header()
}

func (g *gathering) header() *protocol.PopMessageResponseHeader {
	h := &protocol.PopMessageResponseHeader{PopTime: g.popTime, InvisibleTime: g.r.hdr.InvisibleTime, ReviveQueue: g.revive, RestNum: g.rest, Popped: true}
	var starts, offs, counts []byte
	for i := range g.infos {
		in := &g.infos[i]
		id := int32(in.queue.ID)
		starts = protocol.AppendStartOffset(starts, in.from, id, int64(in.start))
		offs = protocol.AppendMsgOffsets(offs, in.from, id, in.offs)
		if !g.r.hdr.Order {
			continue
		}
		least := int32(0)
		for j, off := range in.offs {
			n := int32(0)
			if j < len(in.counts) {
				n = in.counts[j]
			}
			if n > 0 {
				counts = protocol.AppendOrderCount(counts, in.from, id, off, n)
			}
			if j == 0 || n < least {
				least = n
			}
		}
		counts = protocol.AppendQueueOrderCount(counts, in.from, id, least)
	}
	h.StartOffsetInfo, h.MsgOffsetInfo, h.OrderCountInfo = string(starts), string(offs), string(counts)
	return h
}
