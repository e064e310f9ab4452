package pop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// The simulator plays a store and its clients around one table: a log that takes changes or refuses them, brings them back
// late, and loses its unsynced end; cuts and checkpoints; a clock that jumps; retention; and clients that acknowledge late,
// twice, with old handles, or never. Beside it runs a model that says the same things in the plainest way, made anew
// from what is left of the log after each crash. And a ledger of what clients did judges the whole: nothing is lost, nothing
// comes twice in the log or too early, and what was acknowledged does not come again.

// bug is a mistake that is planted to see whether the simulator finds it.
type bug int

const (
	noBug       bug = iota
	dropAck         // an acknowledgement is told and not written
	skipAck         // an acknowledgement is written and not applied
	early           // entries are re-put before their time
	forget          // a snapshot lacks an entry
	twoCopies       // a re-put is given up though the log has taken it
	missRePut       // a replay passes over a re-put
	doubleLease     // two pops of a queue are under way at once
	staleReplay     // changes that a snapshot knows are applied again
	bugs
)

const (
	mainTopic  = 1
	retryTopic = 2
)

// record is one record of the log: changes, or a re-put.
type record struct {
	at      message.LogOffset
	changes [][]byte
	rePut   message.LogOffset // the handle that it names
	id      int               // of the message that it puts to the retry topic
	size    message.LogOffset
	now     int64 // when it was written
	model   func(m *model, at message.LogOffset)
	landed  func() // once, when it is applied; it is durable then
	after   func() // once, when it is applied
}

// handle is what a client holds.
type handle struct {
	key     Key
	off     message.QueueOffset
	id      int
	popTime int64
	due     int64 // as the client knows it
	newest  bool  // no newer one was given to it
}

type rePut struct {
	m  Message
	id int
}

type world struct {
	rng *rand.Rand
	bug bug
	tab *Table
	m   *model
	now int64

	log     []*record
	next    message.LogOffset
	applied int // records that the table has seen
	synced  int
	start   int // the log begins here, with a checkpoint or at 0
	cut     [][]byte
	cutAt   int

	max     message.QueueOffset         // messages of the main queue
	least   map[Key]message.QueueOffset // retired below
	async   bool                        // messages are visible before they are synced
	ordered bool
	mixed   bool
	held    []handle
	pops    []openPop
	puts    []rePut
	done    map[int]bool // consumed, filtered, retired or passed over: ids that need not come any more
	acked   map[place]settled
	told    []handle // of which clients heard that they were taken, since the last crash, reset or jump of the clock
	steps   int
	err     error
}

// place is where a message lies.
type place struct {
	key Key
	off message.QueueOffset
}

// settled is an acknowledgement that must hold.
type settled struct {
	r    *record
	step int
}

type openPop struct {
	step    int
	taken   []Taken
	popTime int64
	attempt string
	ordered bool
}

func newWorld(seed uint64, b bug) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7)), bug: b, tab: &Table{}, m: newModel(), now: 1_000_000, next: 1000,
		least: map[Key]message.QueueOffset{}, done: map[int]bool{}, acked: map[place]settled{}}
	kind := w.rng.IntN(10)
	w.ordered, w.mixed = kind < 3, kind == 3
	w.async = w.rng.IntN(3) == 0
	return w
}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *world) chance(oneIn int) bool { return w.rng.IntN(oneIn) == 0 }

func (w *world) key(topic uint32) Key { return Key{Group: 1, Topic: topic} }

// retries lists the messages of the retry topic's queue that are visible.
func (w *world) retries() []int {
	var ids []int
	for i, r := range w.log {
		if r.rePut != 0 && (w.async && i < w.applied || i < min(w.applied, w.synced)) {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// idOf names the message at an offset.
func (w *world) idOf(k Key, off message.QueueOffset) (int, bool) {
	if k.Topic == mainTopic {
		return int(off), off < w.max
	}
	if ids := w.retries(); int(off) < len(ids) {
		return ids[off], true
	}
	return 0, false
}

func (w *world) end(k Key) message.QueueOffset {
	if k.Topic == mainTopic {
		return w.max
	}
	return message.QueueOffset(len(w.retries()))
}

// storedAt is when a message was stored.
func (w *world) storedAt(k Key, off message.QueueOffset) int64 {
	if k.Topic == mainTopic {
		return 0 // what is sent is never lost here
	}
	for _, r := range w.log {
		if r.rePut == 0 {
			continue
		}
		if off == 0 {
			return r.now
		}
		off--
	}
	return math.MaxInt64
}

// filtered says which messages the group does not want.
func filtered(id int) bool { return id%7 == 3 }

func (w *world) append(r *record) {
	r.now = w.now
	r.at, r.size = w.next, 91+message.LogOffset(w.rng.IntN(200))
	w.next += r.size
	w.log = append(w.log, r)
}

func (w *world) step() {
	w.steps++
	switch w.rng.IntN(26) {
	case 0, 1:
		w.max += message.QueueOffset(1 + w.rng.IntN(5))
	case 2, 3, 4, 5:
		w.begin()
	case 6, 7, 8:
		w.finish()
	case 9, 10, 11, 12:
		w.apply(1 + w.rng.IntN(3))
	case 13:
		w.sync()
	case 14, 15, 16:
		w.ack()
	case 17:
		w.renew()
	case 18, 19:
		w.now += int64(w.rng.IntN(12_000))
	case 20, 21:
		w.due()
	case 22:
		w.land()
	case 23:
		switch w.rng.IntN(7) {
		case 5:
			w.forget()
		case 6:
			w.advance()
		case 0:
			w.jump()
		case 1:
			w.retire()
		case 2:
			w.reset()
		case 3:
			w.checkpoint()
		default:
			w.takeCut()
		}
	case 24:
		w.crash(false)
	case 25:
		w.crash(true)
	}
	w.compare()
	w.kept()
}

func (w *world) sync() { w.synced = len(w.log) }

// seen is the time up to which the table knows what was written.
func (w *world) seen() int64 {
	now := w.now
	for _, r := range w.log[w.applied:] {
		now = min(now, r.now)
	}
	return now
}

// begin asks for leases and reads what they allow.
func (w *world) begin() {
	ordered := w.ordered
	if w.mixed {
		ordered = w.chance(2)
	}
	p := openPop{step: w.steps, popTime: w.now, ordered: ordered}
	if ordered && w.chance(2) {
		p.attempt = fmt.Sprint("attempt", w.rng.IntN(2))
	}
	topics := []uint32{mainTopic}
	if !ordered && w.chance(2) {
		topics = []uint32{retryTopic, mainTopic}
	}
	room := 1 + w.rng.IntN(6)
	for _, topic := range topics {
		k := w.key(topic)
		if q := w.tab.lookup(k); w.bug == doubleLease && q != nil {
			q.mark = 0
		}
		l, err := w.tab.Begin(k, Request{Ordered: ordered, Attempt: p.attempt, Max: room, Start: 0, NowMillis: w.seen(), PerQueue: 12, Total: 40})
		if err != nil {
			continue
		}
		taken := w.read(l)
		if room -= len(taken.Again) + len(taken.Fresh); len(taken.Again)+len(taken.Fresh) == 0 && taken.Next == l.From {
			w.tab.Abandon(l)
			continue
		}
		if p.taken = append(p.taken, taken); room <= 0 {
			break
		}
	}
	if len(p.taken) > 0 {
		w.pops = append(w.pops, p)
	}
}

func (w *world) read(l Lease) Taken {
	taken := Taken{Lease: l, Next: l.From}
	for _, again := range l.Again {
		taken.Again = append(taken.Again, again.Offset)
	}
	for taken.Next < w.end(l.Key) && len(taken.Fresh) < l.Room {
		off := taken.Next
		taken.Next++
		id, _ := w.idOf(l.Key, off)
		if off < w.least[l.Key] {
			continue
		}
		if filtered(id) {
			w.done[id] = true
			continue
		}
		if !slices.Contains(l.Skip, off) {
			taken.Fresh = append(taken.Fresh, off)
		}
	}
	return taken
}

// finish writes a pop that has read its messages; the log may refuse it.
func (w *world) finish() {
	if len(w.pops) == 0 {
		return
	}
	i := w.rng.IntN(len(w.pops))
	p := w.pops[i]
	w.pops = slices.Delete(w.pops, i, i+1)
	if w.chance(20) {
		for _, taken := range p.taken {
			w.tab.Abandon(taken.Lease)
		}
		return
	}
	invisible := int64(1000 + w.rng.IntN(20_000))
	r := &record{changes: [][]byte{AppendPop(nil, p.popTime, invisible, p.taken...)}}
	r.model = func(m *model, at message.LogOffset) { w.check(m.pop(p, invisible, at)) }
	w.append(r)
	answer := func() {
		for _, taken := range p.taken {
			for _, off := range slices.Concat(taken.Again, taken.Fresh) {
				if id, ok := w.idOf(taken.Lease.Key, off); ok {
					if s, ok := w.acked[place{taken.Lease.Key, off}]; ok && s.step < p.step {
						w.fail("message %d (%d of %+v) is handed out at %d though it was acknowledged in time", id, off, taken.Lease.Key, w.now)
					}
					w.give(handle{key: taken.Lease.Key, off: off, id: id, popTime: p.popTime, due: p.popTime + invisible})
				}
			}
		}
	}
	if p.ordered {
		r.landed = answer // is durable before the answer
	} else if w.chance(10) {
		return // the answer is lost
	} else {
		answer()
	}
}

func (w *world) check(err error) {
	if err != nil {
		w.fail("%w", err)
	}
}

// give hands a handle to a client, in place of what it held for the message.
func (w *world) give(h handle) {
	for i := range w.held {
		if w.held[i].id == h.id {
			w.held[i].newest = false
		}
	}
	h.newest = true
	w.held = append(w.held, h)
}

// apply brings records back from the log.
func (w *world) apply(n int) {
	for ; n > 0 && w.applied < len(w.log); n-- {
		r := w.log[w.applied]
		if r.landed != nil {
			w.synced = max(w.synced, w.applied+1)
		}
		w.applied++
		w.applyTo(w.tab, r, false)
		if r.model != nil {
			r.model(w.m, r.at)
		}
		for _, f := range []*func(){&r.landed, &r.after} {
			if *f != nil {
				(*f)()
				*f = nil
			}
		}
	}
}

// kept checks that what clients were told has come about, once the whole log is applied.
func (w *world) kept() {
	if w.applied < len(w.log) {
		return
	}
	for _, h := range w.told {
		q := w.tab.lookup(h.key)
		if q == nil {
			continue
		}
		if id, ok := w.tab.find(q, h.off); ok && w.tab.slot(id).popTime <= h.popTime {
			w.fail("message %d of %+v is in flight, though a client heard that its handle of %d was taken", h.off, h.key, h.popTime)
		}
	}
	w.told = nil
}

func (w *world) applyTo(t *Table, r *record, replay bool) {
	at := r.at
	for _, change := range r.changes {
		if w.bug == skipAck && change[0] == kindAck && w.chance(5) {
			continue
		}
		if w.bug == staleReplay && replay { // as if queues did not know how far they are
			for _, q := range t.queues {
				if q != nil {
					q.asOf = 0
				}
			}
		}
		for range 1 + w.rng.IntN(2) { // a second time it must do nothing
			if err := t.Apply(change, at); err != nil {
				w.fail("%w", err)
			}
		}
	}
	if r.rePut != 0 && !(w.bug == missRePut && replay && w.chance(2)) {
		t.Complete(r.rePut, at)
	}
}

func (w *world) ack() {
	if len(w.held) == 0 {
		return
	}
	h := w.held[w.rng.IntN(len(w.held))]
	offs := []message.QueueOffset{h.off}
	group := []handle{h}
	if w.chance(3) { // a batch of one pop
		for _, x := range w.held {
			if x.key == h.key && x.popTime == h.popTime && !slices.Contains(offs, x.off) && len(offs) < MaxMessages {
				offs, group = append(offs, x.off), append(group, x)
			}
		}
		slices.Sort(offs)
	}
	change, known, lost := w.tab.Ack(nil, h.key, h.popTime, offs)
	if known == 0 {
		lost = slices.DeleteFunc(lost, func(off message.QueueOffset) bool { return w.storedAt(h.key, off) > h.popTime })
		if known = len(lost); known > 0 {
			change = w.tab.AckLost(nil, h.key, h.popTime, lost)
		}
	}
	for _, x := range group {
		w.done[x.id] = true // somebody has consumed it
	}
	if known == 0 {
		return
	}
	if w.chance(40) { // refused: the client hears of it
		return
	}
	for _, x := range group {
		if q := w.tab.lookup(x.key); q.mark == 0 && x.popTime == h.popTime {
			if id, ok := w.tab.find(q, x.off); ok && q.counts(x.popTime, w.tab.slot(id)) {
				w.told = append(w.told, x)
			}
		}
	}
	if w.bug == dropAck && w.chance(3) {
		return
	}
	r := &record{changes: [][]byte{change}}
	ahead := change[0] == kindAhead
	counted := ackedBy(change) // the clock may go back before it is applied, and then more would count
	hit, inTime := false, h.newest && len(offs) == 1 && h.due > w.now
	r.model = func(m *model, _ message.LogOffset) { hit = m.ack(h.key, counted, h.popTime, ahead) }
	w.append(r)
	r.after = func() {
		if hit && inTime && h.due > w.now {
			w.acked[place{h.key, h.off}] = settled{r, w.steps}
		}
	}
}

// ackedBy lists the offsets of an acknowledgement.
func ackedBy(change []byte) []message.QueueOffset {
	r := varint.NewReader(change[1:])
	readKey(&r)
	r.Int()
	offs, _ := readOffsets(&r, nil, maxPerChange)
	return offs
}

func (w *world) renew() {
	if len(w.held) == 0 {
		return
	}
	h := w.held[w.rng.IntN(len(w.held))]
	invisible := int64(w.rng.IntN(30_000))
	suspend := w.chance(4)
	change, popTime, newInvisible, known := w.tab.Renew(nil, h.key, h.off, h.popTime, invisible, suspend, w.now)
	if !known || w.chance(20) {
		return
	}
	now := w.now
	r := &record{changes: [][]byte{change}}
	r.model = func(m *model, _ message.LogOffset) { m.renew(h.key, h.off, h.popTime, now, invisible, suspend) }
	w.append(r)
	soon := w.chance(2) && w.tab.State(h.key, h.off, w.now) == InFlight
	if soon {
		w.apply(len(w.log))
	}
	w.give(handle{key: h.key, off: h.off, id: h.id, popTime: popTime, due: popTime + newInvisible})
	w.held[len(w.held)-1].newest = soon && h.newest // else it may be due before the table hears of this
}
