package statistics

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// kind says which parts of a subject mean something.
type kind uint8

const (
	ofTopic      kind = iota // topic: what was put
	ofQueue                  // topic and queue: what was put
	ofGroup                  // topic and group: what was got
	ofQueueGroup             // topic, queue and group: what was got
	ofAcks                   // topic and group: acknowledged
	ofPops                   // topic and group: handed out to be acknowledged
	ofReturns                // topic and group: sent back
	ofDead                   // topic and group: given up
	ofChannel                // topic is what happened
)

// subject is what a series is about.
type subject struct {
	kind         kind
	queue        int32
	topic, group string
}

func (s *subject) ofOneQueue() bool { return s.kind == ofQueue || s.kind == ofQueueGroup }

// index finds series without a lock once they have been there for a while. New ones stand in young until who looks for them has
// missed as often as it takes to make a map of all: so that costs no more than the looks have.
type index struct {
	most   int
	system func(topic string) bool
	// removals counts how often series were taken out, for who keeps pointers to them.
	removals atomic.Uint64
	read     atomic.Pointer[table]

	mu      sync.Mutex // guards what follows
	young   map[subject]*series
	queues  int // series of single queues, in both maps
	misses  int
	refused int64
}

// table is an index's map that nobody changes any more.
type table struct {
	all     map[subject]*series
	amended bool // there are younger ones
}

func (x *index) init(most int, system func(string) bool) {
	x.most, x.system = most, system
	x.read.Store(&table{all: map[subject]*series{}})
}

// find returns a subject's series, nil if there is none.
func (x *index) find(of subject) *series {
	t := x.read.Load()
	if s := t.all[of]; s != nil || !t.amended {
		return s
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.missed(of)
}

// missed looks where the young are.
func (x *index) missed(of subject) *series {
	t := x.read.Load()
	if s := t.all[of]; s != nil || !t.amended {
		return s
	}
	s := x.young[of]
	if x.misses++; x.misses >= len(t.all)+len(x.young) {
		x.promote()
	}
	return s
}

func (x *index) promote() {
	t := x.read.Load()
	if !t.amended {
		return
	}
	all := make(map[subject]*series, len(t.all)+len(x.young))
	maps.Copy(all, t.all)
	maps.Copy(all, x.young)
	x.read.Store(&table{all: all})
	x.young, x.misses = nil, 0
}

// get returns a subject's series, made if need be; nil if there are too many.
func (x *index) get(of subject) *series {
	if s := x.find(of); s != nil {
		return s
	}
	return x.make(of, nil)
}

// make is get for a subject that was not found; what is counted in its series counts for whole, too.
func (x *index) make(of subject, whole *series) *series {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.missed(of); s != nil {
		return s
	}
	t := x.read.Load()
	if n := len(t.all) + len(x.young); n >= x.most || of.ofOneQueue() && x.queues >= x.most/2 {
		x.refused++
		return nil
	}
	of.topic, of.group = strings.Clone(of.topic), strings.Clone(of.group) // they may be parts of something large
	s := &series{system: x.system(of.topic), whole: whole}
	if x.young == nil {
		x.young = map[subject]*series{}
	}
	x.young[of] = s
	if of.ofOneQueue() {
		x.queues++
	}
	if !t.amended {
		x.read.Store(&table{all: t.all, amended: true})
	}
	return s
}

// settle returns all series, in a map that nobody changes.
func (x *index) settle() map[subject]*series {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.promote()
	return x.read.Load().all
}

// remove takes out the series that are gone.
func (x *index) remove(gone func(of subject, s *series) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.promote()
	old := x.read.Load().all
	left := maps.Clone(old)
	for of, s := range old {
		if !gone(of, s) {
			continue
		}
		if delete(left, of); of.ofOneQueue() {
			x.queues--
		}
	}
	if len(left) < len(old) {
		x.read.Store(&table{all: left})
		x.removals.Add(1)
	}
}
