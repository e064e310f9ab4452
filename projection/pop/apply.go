package pop

import (
	"math"
	"slices"

	"github.com/aerobee-mq/aerobee/internal/varint"
	"github.com/aerobee-mq/aerobee/message"
)

// Apply carries out one change, found in the record at log offset at. It is the one way by which the table learns what was
// handed out and acknowledged. Changes come in the order of the log, but a stretch of it may be applied again: each queue
// knows which change it has seen last, and passes over older ones. An error means a damaged change or a newer version's;
// the table is unchanged then.
func (t *Table) Apply(change []byte, at message.LogOffset) error {
	r := varint.NewReader(change)
	kind := r.Byte()
	switch kind {
	case kindPop:
		return t.applyPop(&r, at)
	case kindAck, kindAhead:
		return t.applyAck(&r, kind, at)
	case kindRenew:
		return t.applyRenew(&r, at)
	case kindRetire, kindReset, kindAdvance:
		return t.applyMove(&r, kind, at)
	case kindQueue:
		return t.applyQueue(&r, at)
	case kindEntries:
		return t.applyEntries(&r, at)
	case kindExpire:
		handle := r.Uint()
		if err := r.End("pop", kind, int64(at)); err != nil {
			return err
		}
		if q, ok := t.end(message.LogOffset(handle), at); ok {
			q.expired++
		}
	case kindRemove:
		k := readKey(&r)
		if err := r.End("pop", kind, int64(at)); err != nil {
			return err
		}
		if q := t.lookup(k); q != nil && q.asOf <= at {
			t.drop(q)
		}
	case kindForget:
		group, topic := r.Uint32(), r.Uint32()
		if err := r.End("pop", kind, int64(at)); err != nil {
			return err
		}
		t.forget(group, topic, at)
		if (group == 0) != (topic == 0) {
			t.forgetModes(group, topic)
		}
	case kindRewind:
		now := r.Int()
		if err := r.End("pop", kind, int64(at)); err != nil {
			return err
		}
		t.rewind(now, at)
	case kindMode:
		return t.applyMode(&r, at)
	default:
		return varint.UnknownKind("pop", kind, int64(at))
	}
	return nil
}

// Complete ends the entry with the handle because its message's re-put stands in the log, in the record at log offset at.
// It reports whether the handle was an entry's. The store calls it for each record that names a handle in field 14.
func (t *Table) Complete(handle, at message.LogOffset) bool {
	_, ok := t.end(handle, at)
	return ok
}

func (t *Table) end(handle, at message.LogOffset) (*queue, bool) {
	id, off, ok := t.findHandle(handle)
	if !ok {
		return nil, false
	}
	q := t.queues[t.slot(id).queue]
	if at < q.asOf {
		return nil, false
	}
	t.settle(q, id, off)
	q.asOf = at
	return q, true
}

func (t *Table) forget(group, topic uint32, at message.LogOffset) {
	for _, q := range t.queues {
		if q != nil && (group == 0 || q.key.Group == group) && (topic == 0 || q.key.Topic == topic) && q.asOf <= at {
			t.drop(q)
		}
	}
}

// known returns the queue if the change at log offset at is news to it, and notes that it is known from now on.
func (t *Table) known(k Key, at message.LogOffset) *queue {
	q := t.lookup(k)
	if q == nil || !q.born || at < q.asOf {
		return nil
	}
	q.asOf = at
	return q
}

type popChange struct {
	at        message.LogOffset
	popTime   int64
	invisible int64
	ordered   bool
	attempt   []byte
}

type popPart struct {
	key          Key
	mark         uint64
	from, next   message.QueueOffset
	again, fresh []message.QueueOffset
}

func (t *Table) applyPop(r *varint.Reader, at message.LogOffset) error {
	group := r.Uint32()
	c := popChange{at: at, popTime: r.Int(), invisible: int64(min(r.Uint(), maxMillis))}
	flags := r.Byte()
	c.ordered, c.attempt = flags&flagOrdered != 0, r.Text()
	n := r.Uint()
	if flags > flagOrdered || c.popTime < -maxMillis || c.popTime > maxMillis || len(c.attempt) > MaxAttempt {
		return damaged(kindPop, at, "its head is out of range")
	}
	parts := make([]popPart, 0, min(n, MaxParts))
	offs := t.scratch[:0]
	for range n {
		p := popPart{mark: r.Uint(), key: Key{Group: group, Topic: r.Uint32(), Queue: message.QueueID(r.Int32())}}
		from, step := r.Uint(), r.Uint()
		start := len(offs)
		var okAgain, okFresh bool
		offs, okAgain = readOffsets(r, offs, maxPerChange)
		middle := len(offs)
		offs, okFresh = readOffsets(r, offs, maxPerChange)
		if !r.OK() || !okAgain || !okFresh || from > maxOffset || step > maxOffset {
			return damaged(kindPop, at, "a part is out of range")
		}
		p.from, p.next = message.QueueOffset(from), message.QueueOffset(from+step)
		p.again, p.fresh = offs[start:middle:middle], offs[middle:len(offs):len(offs)]
		if n := len(p.fresh); n > 0 && (p.fresh[0] < p.from || p.fresh[n-1] >= p.next) {
			return damaged(kindPop, at, "a message lies outside of what was read")
		}
		parts = append(parts, p)
	}
	if err := r.End("pop", kindPop, int64(at)); err != nil {
		return err
	}
	t.scratch = offs[:0]
	handle := at
	for i := range parts {
		t.handOut(&c, &parts[i], handle)
		handle += message.LogOffset(len(parts[i].fresh))
	}
	return nil
}

// handOut carries out one part. A reset, a deletion or retention may have overtaken it on its way into the log.
func (t *Table) handOut(c *popChange, p *popPart, handle message.LogOffset) {
	q := t.open(p.key)
	if q.mark == p.mark {
		q.mark = 0
	}
	if !q.born {
		q.born, q.frontier, q.asOf = true, p.from, c.at
	}
	if c.at < q.asOf {
		return
	}
	twice := c.at == q.asOf
	q.asOf = c.at
	if p.from > q.frontier {
		return // reset to an earlier offset: what the clients have got comes again
	}
	t.setMode(q, c.ordered)
	same := len(c.attempt) > 0 && q.attempt == string(c.attempt)
	t.comeAgain(c, q, p.again, same, twice)
	for i := 0; i < len(p.fresh); {
		end := runEnd(p.fresh, i)
		for j := i; j < end; j++ { // what lies behind the frontier or was acknowledged ahead of it splits the run
			if off := p.fresh[j]; off < q.frontier || q.acknowledgedAhead(off) {
				t.first(c, q, p.fresh[i:j], handle+message.LogOffset(i))
				i = j + 1
			}
		}
		t.first(c, q, p.fresh[i:end], handle+message.LogOffset(i))
		i = end
	}
	q.advance(p.next)
	if c.ordered && !same {
		q.attempt = string(c.attempt)
	}
}

// first hands out neighbours for the first time.
func (t *Table) first(c *popChange, q *queue, run []message.QueueOffset, handle message.LogOffset) {
	if len(run) > 0 {
		t.hold(q, slot{first: run[0], popTime: c.popTime, due: c.popTime + c.invisible, created: handle, bits: 1<<len(run) - 1})
	}
}

// comeAgain hands messages of an ordered queue out once more, under their handles. The count of deliveries rises, unless
// the same attempt asks again, which has not got the answer.
func (t *Table) comeAgain(c *popChange, q *queue, offs []message.QueueOffset, same, twice bool) {
	last := int32(-1)
	for _, off := range offs {
		id, ok := t.find(q, off)
		if !ok {
			continue
		}
		id = t.single(q, id, off)
		s := t.slot(id)
		if again := twice && s.popTime == c.popTime; !same && !again {
			s.count = s.next()
			s.flags &^= flagSuspended
		}
		s.popTime, s.due, s.flags = c.popTime, c.popTime+c.invisible, s.flags&^flagRewound
		q.latest = max(q.latest, s.due)
		if s.pos >= 0 {
			t.fix(s.pos)
		}
		if last >= 0 && t.join(q, last, id, off) {
			continue
		}
		last = id
	}
}

// next is how often the message will have been handed out before when it comes again.
func (s *slot) next() uint16 {
	if s.flags&flagSuspended != 0 || s.count == math.MaxUint16 {
		return s.count
	}
	return s.count + 1
}

// join adds a message that has a slot of its own to the slot of a lower one, if nothing else tells them apart.
func (t *Table) join(q *queue, id, single int32, off message.QueueOffset) bool {
	s, x := t.slot(id), t.slot(single)
	at := off - s.first
	if at >= runLen || x.created-s.created != message.LogOffset(x.first-s.first) || x.count != s.count || x.flags != s.flags || x.pos != s.pos {
		return false
	}
	t.release(q, single)
	s.bits |= 1 << at
	t.count(q, 1)
	return true
}

// advance moves the frontier up.
func (q *queue) advance(to message.QueueOffset) {
	if to <= q.frontier {
		return
	}
	q.frontier = to
	passed, _ := slices.BinarySearch(q.ahead, to)
	if q.ahead = q.ahead[passed:]; len(q.ahead) == 0 {
		q.ahead = nil
	}
}

func (q *queue) acknowledgedAhead(off message.QueueOffset) bool {
	_, ok := slices.BinarySearch(q.ahead, off)
	return ok
}

// counts reports whether a handle with the pop time is good for an entry: its own, or in a queue without order a newer one,
// since what made it newer may have been lost in a crash. What the clock's going back has made older has newer handles too.
func (q *queue) counts(popTime int64, s *slot) bool {
	return popTime == s.popTime || popTime > s.popTime && (!q.ordered || s.flags&flagRewound != 0)
}

func (t *Table) applyAck(r *varint.Reader, kind byte, at message.LogOffset) error {
	k, popTime := readKey(r), r.Int()
	offs, ok := readOffsets(r, t.scratch[:0], maxPerChange)
	if !ok {
		return damaged(kind, at, "the offsets are out of range")
	}
	if err := r.End("pop", kind, int64(at)); err != nil {
		return err
	}
	t.scratch = offs[:0]
	q := t.known(k, at)
	if q == nil {
		return nil
	}
	for _, off := range offs {
		if kind == kindAhead && off >= q.frontier {
			if i, found := slices.BinarySearch(q.ahead, off); !found && len(q.ahead) < maxAhead {
				q.ahead = slices.Insert(q.ahead, i, off)
			}
			continue
		}
		if id, ok := t.find(q, off); ok && q.counts(popTime, t.slot(id)) {
			t.settle(q, id, off)
		}
	}
	return nil
}

func (t *Table) applyRenew(r *varint.Reader, at message.LogOffset) error {
	k, off := readKey(r), message.QueueOffset(r.Uint())
	popTime, now, invisible, flags := r.Int(), r.Int(), r.Uint(), r.Byte()
	if err := r.End("pop", kindRenew, int64(at)); err != nil {
		return err
	}
	if now < -maxMillis || now > maxMillis || invisible > maxMillis || flags > flagSuspended {
		return damaged(kindRenew, at, "a field is out of range")
	}
	q := t.known(k, at)
	if q == nil {
		return nil
	}
	id, ok := t.find(q, off)
	if !ok || !q.counts(popTime, t.slot(id)) {
		return nil
	}
	s := t.slot(t.single(q, id, off))
	s.due = now + int64(invisible)
	q.latest = max(q.latest, s.due)
	if s.flags = s.flags&^flagSuspended | flags; !q.ordered {
		s.popTime = now
		s.flags &^= flagRewound
	}
	if s.pos >= 0 {
		t.fix(s.pos)
	}
	return nil
}

// applyMove carries out what moves the frontier by hand.
func (t *Table) applyMove(r *varint.Reader, kind byte, at message.LogOffset) error {
	k, to := readKey(r), r.Uint()
	var now int64
	if kind == kindReset {
		now = r.Int()
	}
	if err := r.End("pop", kind, int64(at)); err != nil {
		return err
	}
	// No queue has such an offset. Logs may hold one all the same: before commits were held to the queue's end, one client's nonsense
	// stood here. Its store must open, and nothing is to be lost: the group stays where it is.
	if to > maxOffset {
		return nil
	}
	off := message.QueueOffset(to)
	if kind == kindReset {
		t.reset(k, off, now, at)
		return nil
	}
	q := t.known(k, at)
	if q == nil {
		return nil
	}
	if kind == kindRetire {
		t.retire(q, off)
	}
	q.advance(off)
	return nil
}

func (t *Table) reset(k Key, off message.QueueOffset, now int64, at message.LogOffset) {
	q := t.open(k)
	if q.born && at < q.asOf {
		return
	}
	t.clear(q)
	q.born, q.asOf, q.frontier, q.since, q.ahead, q.attempt = true, at, off, now, nil, ""
}

// retire counts what lies below the offset and was not acknowledged as expired.
func (t *Table) retire(q *queue, least message.QueueOffset) {
	if least > q.frontier {
		early, _ := slices.BinarySearch(q.ahead, least)
		q.expired += int64(least-q.frontier) - int64(early)
	}
	var gone []message.QueueOffset
	q.slots.ascend(func(id int32) bool {
		s := t.slot(id)
		for i := message.QueueOffset(0); i < runLen && s.first+i < least; i++ {
			if s.bits>>i&1 == 1 {
				gone = append(gone, s.first+i)
			}
		}
		return s.first < least
	})
	for _, off := range gone {
		if id, ok := t.find(q, off); ok {
			t.settle(q, id, off)
			q.expired++
		}
	}
}
