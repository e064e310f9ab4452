package pop

import (
	"slices"

	"github.com/aerobee-mq/aerobee/message"
)

// drain stops all faults and lets a client consume until nothing is left. Then everything has been somewhere.
func (w *world) drain() {
	w.bug, w.async = noBug, true
	for _, p := range w.pops {
		for _, taken := range p.taken {
			w.tab.Abandon(taken.Lease)
		}
	}
	w.pops = nil
	for rounds, idle := 0, 0; idle < 3 && rounds < 200 && w.err == nil; rounds, idle = rounds+1, idle+1 {
		w.now += 200_000
		w.apply(len(w.log))
		w.due()
		w.land()
		w.apply(len(w.log))
		if w.drainPops() || w.tab.Len() > 0 {
			idle = 0
		}
		w.compare()
	}
	for id := range int(w.max) {
		if !w.done[id] && !filtered(id) {
			w.fail("message %d is lost: at %d nobody has consumed it, and nothing more comes", id, w.now)
		}
	}
}

// drainPops pops and acknowledges once, and reports whether anything came.
func (w *world) drainPops() (came bool) {
	for _, topic := range []uint32{retryTopic, mainTopic} {
		k := w.key(topic)
		ordered := w.ordered && topic == mainTopic
		l, err := w.tab.Begin(k, Request{Ordered: ordered, Max: MaxMessages, NowMillis: w.now})
		if err != nil {
			w.fail("at the end: %w", err)
			return false
		}
		taken := w.read(l)
		p := openPop{step: w.steps, taken: []Taken{taken}, popTime: w.now, ordered: ordered}
		r := &record{changes: [][]byte{AppendPop(nil, w.now, 1000, taken)}}
		r.model = func(m *model, at message.LogOffset) { w.check(m.pop(p, 1000, at)) }
		w.append(r)
		w.apply(1)
		offs := slices.Concat(taken.Again, taken.Fresh)
		for _, off := range offs {
			id, _ := w.idOf(k, off)
			w.done[id] = true
			came = true
		}
		if change, known, _ := w.tab.Ack(nil, k, w.now, offs); known > 0 {
			a := &record{changes: [][]byte{change}}
			at := w.now
			a.model = func(m *model, _ message.LogOffset) { m.ack(k, offs, at, false) }
			w.append(a)
			w.apply(1)
		}
	}
	return came
}

// run plays one schedule.
func run(seed uint64, b bug) error {
	w := newWorld(seed, b)
	for range 60 + w.rng.IntN(120) {
		if w.step(); w.err != nil {
			return w.err
		}
	}
	w.drain()
	return w.err
}
