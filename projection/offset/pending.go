package offset

import "github.com/aerobee-mq/aerobee/message"

// Pending holds the commits that clients were promised and the log does not hold yet, so that many commits of a queue
// become one change. It stands apart from [Table] because no snapshot may run ahead of the log: after a power cut under
// ASYNC_FLUSH an offset that had been saved early could point behind the last message. The zero Pending is empty and
// ready.
//
// The store reads offsets from here first, then from the table. About once a second it calls Take, writes the changes,
// and calls Landed when they are applied or Failed when they were refused; until then the taken commits stay readable
// and nothing else is taken.
type Pending struct {
	fresh, flying map[Key]message.QueueOffset
}

// Set notes a commit.
func (p *Pending) Set(k Key, off message.QueueOffset) {
	if p.fresh == nil {
		p.fresh = make(map[Key]message.QueueOffset)
	}
	p.fresh[k] = off
}

// Get returns the newest commit under the key that has not landed yet.
func (p *Pending) Get(k Key) (message.QueueOffset, bool) {
	if off, ok := p.fresh[k]; ok {
		return off, true
	}
	off, ok := p.flying[k]
	return off, ok
}

// Len counts the commits that have not been taken.
func (p *Pending) Len() int { return len(p.fresh) }

// All visits every commit that has not landed, the newest per key, in no particular order, until visit returns false.
func (p *Pending) All(visit func(Key, message.QueueOffset) bool) {
	for k, off := range p.fresh {
		if !visit(k, off) {
			return
		}
	}
	for k, off := range p.flying {
		if _, newer := p.fresh[k]; !newer && !visit(k, off) {
			return
		}
	}
}

// Take emits all fresh commits and counts them. It emits nothing while an earlier Take has neither landed nor failed.
func (p *Pending) Take(emit func(Key, message.QueueOffset)) int {
	if len(p.flying) > 0 {
		return 0
	}
	p.flying, p.fresh = p.fresh, nil
	for k, off := range p.flying {
		emit(k, off)
	}
	return len(p.flying)
}

// Landed says that the table has applied what was taken.
func (p *Pending) Landed() { p.flying = nil }

// Failed says that what was taken did not reach the log: it is taken again, where no newer commit has replaced it.
func (p *Pending) Failed() {
	for k, off := range p.flying {
		if _, newer := p.fresh[k]; !newer {
			p.Set(k, off)
		}
	}
	p.flying = nil
}

// Drop forgets the commits whose key matches: their group or topic is deleted, or the offset was reset. It reports
// whether one of them is in the air, in which case the change that deletes or resets must be written behind it.
func (p *Pending) Drop(match func(Key) bool) (flying bool) {
	for k := range p.fresh {
		if match(k) {
			delete(p.fresh, k)
		}
	}
	for k := range p.flying {
		if match(k) {
			delete(p.flying, k)
			flying = true
		}
	}
	return flying
}
