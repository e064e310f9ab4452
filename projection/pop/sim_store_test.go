package pop

import (
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// What the store does by itself, and what befalls it.

// due re-puts what has not been acknowledged in time.
func (w *world) due() {
	now := w.seen()
	if w.bug == early {
		now += 5000
	}
	for _, msg := range w.tab.Due(now, 1+w.rng.IntN(4)) {
		id, ok := w.idOf(msg.Key, msg.Offset)
		if !ok || msg.Offset < w.least[msg.Key] {
			r := &record{changes: [][]byte{AppendExpire(nil, msg.Handle)}}
			r.model = func(m *model, at message.LogOffset) { m.expire(msg.Handle) }
			w.append(r)
			continue
		}
		if x, ok := w.m.byHandle(msg.Handle); !ok || x.due > w.now {
			w.fail("at %d message %d of %+v is to be re-put under %d; the model says %+v", w.now, msg.Offset, msg.Key, msg.Handle, x)
		}
		w.puts = append(w.puts, rePut{msg, id})
	}
}

// land brings re-puts into the log, or has them refused.
func (w *world) land() {
	for _, p := range w.puts {
		if w.chance(8) {
			w.tab.Unclaim(p.m.Handle)
			continue
		}
		r := &record{rePut: p.m.Handle, id: p.id}
		r.model = func(m *model, at message.LogOffset) { m.complete(p.m.Handle) }
		w.append(r)
		if w.bug == twoCopies && w.chance(4) {
			w.tab.Unclaim(p.m.Handle)
		}
	}
	w.puts = nil
}

// jump moves the clock. Under asynchronous flushing it goes forward only: there an offset may be another message's after a
// power cut, and a clock that has gone back as well would let an old handle pass for a new one.
func (w *world) jump() {
	if w.async || w.chance(2) {
		w.now += 100_000
		return
	}
	w.now -= int64(w.rng.IntN(50_000))
	w.rewind()
}

func (w *world) rewind() {
	now := w.now
	w.told = nil
	for i := range w.held { // clients do not notice that their time is shorter
		w.held[i].newest = false
	}
	r := &record{changes: [][]byte{AppendRewind(nil, now)}}
	r.model = func(m *model, _ message.LogOffset) { m.rewind(now) }
	w.append(r)
}

func (w *world) retire() {
	w.apply(len(w.log))
	k := w.key(uint32(1 + w.rng.IntN(2)))
	if w.end(k) <= w.least[k] {
		return
	}
	w.least[k] += 1 + message.QueueOffset(w.rng.IntN(int(min(4, w.end(k)-w.least[k]))))
	least := w.least[k]
	w.sync() // what retires is on the disk
	for off := range least {
		if id, ok := w.idOf(k, off); ok && (k.Topic != mainTopic || w.tab.State(k, off, w.now) != Acknowledged) {
			w.done[id] = true
		}
	}
	w.tab.Each(func(other Key, base message.QueueOffset) bool {
		if other == k && base < least {
			r := &record{changes: [][]byte{AppendRetire(nil, k, least)}}
			r.model = func(m *model, at message.LogOffset) { m.retire(k, least, at) }
			w.append(r)
		}
		return true
	})
}

func (w *world) reset() {
	k := w.key(mainTopic)
	to := w.least[k] + message.QueueOffset(w.rng.IntN(int(w.max-w.least[k])+1))
	now := w.now
	r := &record{changes: [][]byte{AppendReset(nil, k, to, now)}}
	r.model = func(m *model, at message.LogOffset) { m.reset(k, to, now, at) }
	w.append(r)
	for id := range int(w.max) { // what is in flight is let go, and so may be what lies below
		w.done[id] = w.done[id] || id < int(to)
	}
	w.sync()
	r.after = w.anew
	r.after()
}

// forget deletes the group, or what it has popped of one topic: it begins anew.
func (w *world) forget() {
	for _, p := range w.pops { // nothing is appended behind a deletion
		for _, taken := range p.taken {
			w.tab.Abandon(taken.Lease)
		}
	}
	w.pops = nil
	k := w.key(uint32(1 + w.rng.IntN(2)))
	change := AppendRemove(nil, k)
	topic := k.Topic
	if w.chance(3) {
		topic = 0
		change = AppendForget(nil, 1, 0)
	}
	r := &record{changes: [][]byte{change}}
	r.model = func(m *model, _ message.LogOffset) {
		for k := range m.queues {
			if topic == 0 || k.Topic == topic {
				delete(m.queues, k)
			}
		}
	}
	w.append(r)
	w.sync()
	r.after = w.anew
	w.apply(len(w.log)) // nor is anything leased before it is applied
}

// anew forgets what must not come again.
func (w *world) anew() {
	clear(w.acked)
	w.told = nil
}

// advance commits an offset, as a pulling consumer of the group does; what it passes over the consumer has had.
func (w *world) advance() {
	k := w.key(mainTopic)
	c, ok := w.tab.Counts(k, w.now)
	if !ok {
		return
	}
	to := min(w.max, c.Frontier+message.QueueOffset(w.rng.IntN(3)))
	r := &record{changes: [][]byte{AppendAdvance(nil, k, to)}}
	r.model = func(m *model, _ message.LogOffset) {
		if q := m.queues[k]; q != nil {
			for id := q.frontier; id < to; id++ {
				w.done[int(id)] = true
			}
			q.advance(to)
		}
	}
	w.append(r)
}

// snapshot encodes the table in parts, with records applied in between.
func (w *world) snapshot() (changes [][]byte) {
	for from := 0; ; {
		from = w.tab.SnapshotPart(from, 1, func(c []byte) { changes = append(changes, slices.Clone(c)) })
		if w.bug == forget && len(changes) > 0 && changes[len(changes)-1][0] == kindEntries && w.chance(2) {
			changes = changes[:len(changes)-1]
		}
		if from == 0 {
			return changes
		}
		w.apply(w.rng.IntN(3))
	}
}

func (w *world) takeCut() {
	at := w.applied
	changes := w.snapshot()
	w.synced = max(w.synced, w.applied)
	w.cut, w.cutAt = changes, at
}

// checkpoint begins a segment with the whole state; what lies before may go.
func (w *world) checkpoint() {
	w.apply(len(w.log))
	var changes [][]byte
	w.tab.Snapshot(func(c []byte) { changes = append(changes, slices.Clone(c)) })
	w.append(&record{changes: changes})
	w.apply(1)
	if w.chance(2) {
		w.takeCut() // retention deletes behind a cut
		w.start = len(w.log) - 1
	}
}

// crash kills the broker, or takes the power away as well. It loads the last cut, or what the log begins with, and replays.
func (w *world) crash(power bool) {
	w.now += 1 + int64(w.rng.IntN(500)) // a start takes time
	if power {
		for id, s := range w.acked {
			if slices.Index(w.log, s.r) >= w.synced {
				delete(w.acked, id)
			}
		}
		for ; len(w.log) > w.synced; w.log = w.log[:len(w.log)-1] { // the offsets will be used again
			w.next = w.log[len(w.log)-1].at
		}
	}
	for i, r := range w.log {
		if i >= w.applied && len(r.changes) > 0 && slices.Contains([]byte{kindReset, kindRemove, kindForget}, r.changes[0][0]) {
			clear(w.acked) // it is applied after all
		}
		r.landed, r.after = nil, nil
	}
	w.pops, w.puts = nil, nil
	t := &Table{}
	from := w.start
	if w.cut != nil && !w.chance(4) || w.cutAt < w.start { // else the cache is lost
		from = w.cutAt
		for _, c := range w.cut {
			if err := t.Apply(c, 0); err != nil {
				w.fail("%w", err)
			}
		}
	}
	for _, r := range w.log[from:] {
		w.applyTo(t, r, true)
	}
	w.tab, w.applied, w.synced = t, len(w.log), len(w.log)
	w.m = newModel()
	for _, r := range w.log {
		if r.model != nil {
			r.model(w.m, r.at)
		}
	}
	w.rewind()
	w.tab.Recovered(w.now)
	w.held = slices.DeleteFunc(w.held, func(h handle) bool { return w.chance(4) }) // some clients die too
}
