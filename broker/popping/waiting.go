package popping

import (
	"container/heap"
	"container/list"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aerobee-mq/aerobee/filter"
	"github.com/aerobee-mq/aerobee/internal/slotheap"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
)

// key is for whom a request waits: a group, and one queue or all of a topic (-1). Notifications and pops wait apart, since
// a notification takes no message away.
type key struct {
	group  string
	queue  int32
	notify bool
}

// request is one pop or notification, taken out of its frame so that it can wait. hdr is a pop's; a notification fills in what
// it has in common.
type request struct {
	conn     *remoting.Conn
	frame    protocol.Frame // what an answer needs of the request
	hdr      protocol.PopMessageHeader
	filter   *filter.Filter // nil wants all
	key      key
	topics   []string // the one asked for first, then those of its retries
	deadline time.Time
	waits    bool // it may wait
	lite     bool // it pops lite topics, whose light queues are its topics
	idle     bool // it has none
	client   string
	parent   string // of the lite topics
	wild     string // of a group that reads all lite topics of the parent: what it waits for, see light.Wild

	at   time.Time // when it is looked at again: the deadline, or when its queue is free
	held bool
	slot int // place in the heap
	// places are those in the lists of its lanes, one for each of topics.
	places []*list.Element
	busy   found // a queue that was another's when it was last looked at, if any
}

// anyQueue stands for all queues of a topic.
const anyQueue = -1

// lane is where an arrival looks for who waits: one queue of a topic, or all of them.
type lane struct {
	topic string
	queue int32
}

// who waits in a lane. Notifications and pops wait apart.
type who struct {
	group  string
	notify bool
}

// found is a queue as a group's pop has found it.
type found struct {
	group string
	queue message.Queue
}

func (k key) who() who { return who{k.group, k.notify} }

// lane is where a request waits for the messages of one of its topics: of retry topics for those of all queues.
func (r *request) lane(i int) lane {
	if i > 0 {
		return lane{r.topics[i], anyQueue}
	}
	return lane{r.topics[i], r.key.queue}
}

// wants reports whether a message of a topic is worth a new look. Messages that come again have passed the filter once.
func (r *request) wants(topicName string, tagsCode int64) bool {
	return r.filter == nil || topicName != r.topics[0] || r.filter.Match(tagsCode)
}

// waiting is the table of the requests that wait, by topic and by time. Its methods may be called at once, also by the goroutine
// that commits: none of them waits.
type waiting struct {
	limit, perKey int
	count         atomic.Int64 // so that an arrival for which nobody waits costs no lock
	contended     atomic.Int64 // length of busy, likewise

	mu     sync.Mutex                  // guards what follows, and held, at, slot, places and busy of all requests in it
	lanes  map[lane]map[who]*list.List // of requests, the longest waiting first; no list is empty
	busy   map[found][]*request        // those who have found a queue busy
	conns  map[*remoting.Conn]map[*request]struct{}
	heap   slotheap.Heap[*request]
	closed bool
	sooner chan struct{} // a time before the one that the loop sleeps towards
}

func (w *waiting) init(limit, perKey int) {
	w.limit, w.perKey = limit, perKey
	w.lanes = make(map[lane]map[who]*list.List)
	w.busy = make(map[found][]*request)
	w.conns = make(map[*remoting.Conn]map[*request]struct{})
	w.sooner = make(chan struct{}, 1)
}

// add lets a request wait. It reports false when too many wait.
func (w *waiting) add(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.heap) >= w.limit || w.length(r.topics[0], r.key) >= w.perKey {
		return false
	}
	r.places = r.places[:0]
	for i := range r.topics {
		l := r.lane(i)
		if w.lanes[l] == nil {
			w.lanes[l] = make(map[who]*list.List)
		}
		if w.lanes[l][r.key.who()] == nil {
			w.lanes[l][r.key.who()] = list.New()
		}
		r.places = append(r.places, w.lanes[l][r.key.who()].PushBack(r))
	}
	if r.busy != (found{}) {
		w.busy[r.busy] = append(w.busy[r.busy], r)
		w.contended.Store(int64(len(w.busy)))
	}
	if w.conns[r.conn] == nil {
		w.conns[r.conn] = make(map[*request]struct{})
	}
	w.conns[r.conn][r] = struct{}{}
	heap.Push(&w.heap, r)
	r.held = true
	w.count.Store(int64(len(w.heap)))
	if w.heap[0] == r {
		select {
		case w.sooner <- struct{}{}:
		default:
		}
	}
	return true
}

// remove takes a request out. It reports false when somebody else has.
func (w *waiting) remove(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.take(r)
}

func (w *waiting) take(r *request) bool {
	if !r.held {
		return false
	}
	r.held = false
	heap.Remove(&w.heap, r.slot)
	for i, place := range r.places {
		l := r.lane(i)
		byWho := w.lanes[l]
		if byWho[r.key.who()].Remove(place); byWho[r.key.who()].Len() == 0 {
			delete(byWho, r.key.who())
		}
		if len(byWho) == 0 {
			delete(w.lanes, l)
		}
	}
	if r.busy != (found{}) {
		w.busy[r.busy] = slices.DeleteFunc(w.busy[r.busy], func(other *request) bool { return other == r })
		if len(w.busy[r.busy]) == 0 {
			delete(w.busy, r.busy)
		}
		w.contended.Store(int64(len(w.busy)))
	}
	if delete(w.conns[r.conn], r); len(w.conns[r.conn]) == 0 {
		delete(w.conns, r.conn)
	}
	w.count.Store(int64(len(w.heap)))
	return true
}

// first takes out the longest waiting request in a list that wants the message.
func (w *waiting) first(out []*request, l *list.List, topicName string, tagsCode int64, any bool) []*request {
	if l == nil {
		return out
	}
	for e := l.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*request); any || r.wants(topicName, tagsCode) {
			w.take(r)
			return append(out, r)
		}
	}
	return out
}

// length is how many wait for a key.
func (w *waiting) length(topicName string, k key) int {
	if l := w.lanes[lane{topicName, k.queue}][k.who()]; l != nil {
		return l.Len()
	}
	return 0
}

// arrived takes out those that want a message that has just become visible: of each group one that waits for the queue, and one that
// waits for all. It looks at nobody else.
func (w *waiting) arrived(out []*request, q message.Queue, tagsCode int64) []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range [...]int32{int32(q.ID), anyQueue} {
		for _, l := range w.lanes[lane{q.Topic, id}] {
			out = w.first(out, l, q.Topic, tagsCode, false)
		}
	}
	return out
}

// freed takes out those who have found a queue busy for which a lease has ended now: one pop, and all notifications before it.
func (w *waiting) freed(at found) (out []*request) {
	if w.contended.Load() == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range slices.Clone(w.busy[at]) {
		w.take(r)
		if out = append(out, r); !r.key.notify {
			return out
		}
	}
	return out
}

// next takes out one that waits for what a pop has left: of the same queue, or of all.
func (w *waiting) next(topicName string, k key) (out []*request) {
	if w.count.Load() == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if out = w.first(nil, w.lanes[lane{topicName, k.queue}][k.who()], topicName, 0, true); len(out) == 0 && k.queue >= 0 {
		out = w.first(nil, w.lanes[lane{topicName, anyQueue}][k.who()], topicName, 0, true)
	}
	return out
}

// due takes out those whose time has come, and says when the next one's does.
func (w *waiting) due(now time.Time) (out []*request, next time.Time, some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.heap) > 0 && !w.heap[0].at.After(now) {
		r := w.heap[0]
		w.take(r)
		out = append(out, r)
	}
	if len(w.heap) > 0 {
		return out, w.heap[0].at, true
	}
	return out, time.Time{}, false
}

// drop takes out what a connection that has ended was waiting for.
func (w *waiting) drop(c *remoting.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range w.conns[c] {
		w.take(r)
	}
}

// lites takes out the pops of lite topics that a client has waiting on a connection.
func (w *waiting) lites(c *remoting.Conn, clientID string) (out []*request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range w.conns[c] {
		if r.lite && r.client == clientID {
			out = append(out, r)
		}
	}
	for _, r := range out {
		w.take(r)
	}
	return out
}

// drain takes out everything and lets nothing wait any more.
func (w *waiting) drain() (out []*request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for len(w.heap) > 0 {
		out = append(out, w.heap[0])
		w.take(w.heap[0])
	}
	return out
}

// of counts what waits for a key.
func (w *waiting) of(topicName string, k key) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.length(topicName, k)
}

// Before orders requests by the time at which they are looked at again.
func (r *request) Before(other *request) bool { return r.at.Before(other.at) }

// Moved is the heap's.
func (r *request) Moved(slot int) { r.slot = slot }

// Arrived wakes those who wait for a message that has just become visible. It never blocks.
func (p *Pops) Arrived(q message.Queue, tagsCode int64) {
	if p.wilds.count.Load() > 0 {
		for _, name := range p.wilds.arrived(nil, q.Topic, p.opt.Steady()) {
			p.runAll(p.table.arrived(nil, message.Queue{Topic: name}, tagsCode))
		}
	}
	if p.table.count.Load() == 0 {
		return
	}
	p.runAll(p.table.arrived(nil, q, tagsCode))
}

// Closed lets go of what a connection that has ended was waiting for.
func (p *Pops) Closed(c *remoting.Conn) {
	if p.table.count.Load() > 0 {
		p.table.drop(c)
	}
}

// wakeNext lets the next one look, since a pop has left something.
func (p *Pops) wakeNext(r *request) { p.runAll(p.table.next(r.topics[0], r.key)) }

// free lets those look again who have found a queue busy, since a lease of it has ended.
func (p *Pops) free(groupName string, q message.Queue) { p.runAll(p.table.freed(found{groupName, q})) }

// wakeQueue lets those look who wait for an ordered queue that may be free now.
func (p *Pops) wakeQueue(groupName string, q message.Queue) {
	for _, notify := range [...]bool{false, true} {
		p.runAll(p.table.next(q.Topic, key{groupName, int32(q.ID), notify}))
	}
	if p.wilds.count.Load() == 0 {
		return
	}
	if name, more := p.wilds.freed(groupName, q.Topic); more {
		p.runAll(p.table.next(name, key{groupName, anyQueue, false}))
	}
}

// runAll runs requests again that have been waiting.
func (p *Pops) runAll(woken []*request) {
	for _, r := range woken {
		if !r.conn.Go(func() { p.serve(r) }) {
			p.host.Answer(r.conn, &r.frame, protocol.ResSystemBusy, r.conn.TooMany())
		}
	}
}

func (p *Pops) serve(r *request) {
	if r.key.notify {
		p.serveNotification(r)
		return
	}
	p.servePop(r)
}

// wait lets a request wait and returns 0, or the code to answer. until is when an ordered queue is free, in ms, 0 for none.
func (p *Pops) wait(r *request, until int64) int32 {
	now := p.opt.Steady()
	if !r.waits || !now.Before(r.deadline) {
		return protocol.ResPollingTimeout
	}
	r.at = r.deadline
	if until > 0 {
		free := now.Add(max(time.Duration(until-p.opt.Now().UnixMilli())*time.Millisecond, time.Millisecond))
		if free.Before(r.at) {
			r.at = free
		}
	}
	r.frame.Held = true
	if !p.table.add(r) {
		r.frame.Held = false
		return protocol.ResPollingFull
	}
	select {
	case <-r.conn.Done(): // it ended before anybody could know of this one
		p.table.remove(r)
	default:
	}
	return 0
}

// whyNotWait is the remark of a pop that may not wait: RocketMQ's, and behind it the limits where one is reached.
func (p *Pops) whyNotWait(code int32) string {
	if code != protocol.ResPollingFull {
		return "NO_MESSAGE_IN_QUEUE"
	}
	return fmt.Sprintf("NO_MESSAGE_IN_QUEUE: too many pops wait, the limit is %d of all (popPollingMapSize) and %d of a group for one queue (popPollingSize)",
		p.opt.Waiting, p.opt.WaitingPerQueue)
}

// expired answers a request for which nothing has come.
func (p *Pops) expired(r *request) {
	if r.key.notify {
		p.answer(r.conn, &r.frame, protocol.ResSuccess, "", &protocol.NotificationResponseHeader{})
		return
	}
	g := gathering{p: p, r: r, popTime: p.opt.Now().UnixMilli(), revive: p.reviveQueue(r.hdr.Order)}
	p.answer(r.conn, &r.frame, protocol.ResPollingTimeout, "NO_MESSAGE_IN_QUEUE", g.answerHeader())
}

// longNap is how long the loop sleeps when nothing waits.
const longNap = time.Hour

// watch looks after what happens by time alone.
func (p *Pops) watch() {
	timer := time.NewTimer(longNap)
	defer timer.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-p.table.sooner:
		case <-timer.C:
		}
		now := p.opt.Steady()
		due, next, some := p.table.due(now)
		for _, r := range due {
			if r.deadline.After(now) { // its queue is free
				p.runAll([]*request{r})
			} else {
				p.expired(r)
			}
		}
		nap := longNap
		if some {
			nap = max(next.Sub(now), time.Millisecond)
		}
		timer.Reset(nap)
	}
}

// Waiting counts the pops and notifications that wait.
func (p *Pops) Waiting() int { return int(p.table.count.Load()) }
