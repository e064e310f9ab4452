// Package lock is the projection of the queue locks that orderly consumers hold (requests 41 and 42): per group and
// queue at most one owner, a client id. It is a pure machine: requests and the time in, answers and changes out; no
// clock, file, goroutine or mutex.
//
// The store owns the one [Table] and guards it: no two calls may run at once, reads included. It writes the changes that
// Lock, Unlock and Sweep return to the log, in the order of the calls, before it answers, and applies them when the log
// has published them.
//
// # Who may believe what
//
// A client renews its locks every 20 s and stops trusting one 30 s after its last good answer; the broker keeps a lock
// for 60 s after the last request that renewed it. So nobody else gets a queue while its owner may still consume it.
//
// The log holds owners, not times: a renewal changes nothing that the log knows and costs no record. After a restart or
// a takeover, [Table.Restore] therefore counts every lock of the log as renewed at that moment. The true last renewal
// came earlier, so a restored lock lives too long rather than too short: the owner is still safe, renews, and sees no
// difference; a dead owner's queue waits at most 60 s longer. The other way round — trusting a logged time — would need
// a record for each renewal and clocks that agree across machines.
package lock

import (
	"cmp"

	"github.com/aerobee-mq/aerobee/message"
)

// TTLMillis is how long a lock outlives the last request that took or renewed it, in milliseconds. Source:
// rocketmq.broker.rebalance.lockMaxLiveTime of RocketMQ 5.
const TTLMillis = 60_000

// Table holds the locks. The zero Table is empty and ready.
//
// It keeps two pictures. The logged one is what Apply makes of the log and what Snapshot emits. The live one answers
// requests; it runs ahead of the log by what is on its way there. A single picture would go wrong when a client locks,
// unlocks and another one locks before the first change comes back from the log: applying it would take the queue from
// its new owner.
type Table struct {
	logged map[key]string
	live   map[string]map[message.Queue]holder // by group
	mark   uint64                              // of the last lock change that Lock returned
}

type key struct {
	group string
	queue message.Queue
}

type holder struct {
	client  string
	renewed int64  // ms
	mark    uint64 // of the change that is to tell the log
	known   bool   // that change has come back from the log
}

func (h holder) expired(nowMillis int64) bool { return nowMillis-h.renewed > TTLMillis }

// Restore makes the live picture equal to the logged one, every lock renewed now: after replay, before the first
// request, and whenever this process begins to serve.
func (t *Table) Restore(nowMillis int64) {
	t.live = nil
	for k, client := range t.logged {
		t.hold(k.group, k.queue, holder{client: client, renewed: nowMillis, known: true})
	}
}

func (t *Table) hold(group string, q message.Queue, h holder) {
	if t.live == nil {
		t.live = make(map[string]map[message.Queue]holder)
	}
	queues := t.live[group]
	if queues == nil {
		queues = make(map[message.Queue]holder)
		t.live[group] = queues
	}
	queues[q] = h
}

// Lock takes or renews the queues for the client and returns those that it holds now, in the order of the request:
// all that are free, expired, or its own. If the log does not know all of that yet, the change to write is appended to dst;
// else dst comes back as it was.
//
// If the change could not be written, the client must not be told that it holds the queues; the table may keep them: the
// next Lock brings the change again.
func (t *Table) Lock(dst []byte, group, client string, queues []message.Queue, nowMillis int64) (held []message.Queue, change []byte) {
	var news []message.Queue
	mark := t.mark + 1
	for _, q := range queues {
		h, taken := t.live[group][q]
		if taken && h.client != client && !h.expired(nowMillis) {
			continue
		}
		if !taken || h.client != client || !h.known {
			h = holder{client: client, renewed: h.renewed, mark: mark}
			news = append(news, q)
		}
		h.renewed = max(h.renewed, nowMillis)
		t.hold(group, q, h)
		held = append(held, q)
	}
	if len(news) > 0 {
		t.mark = mark
		dst = appendLock(dst, mark, group, client, news)
	}
	return held, dst
}

// Unlock frees those of the queues that the client holds, expired or not, and appends the change to write, if any.
func (t *Table) Unlock(dst []byte, group, client string, queues []message.Queue) (change []byte) {
	var freed []message.Queue
	for _, q := range queues {
		if h, ok := t.live[group][q]; ok && h.client == client {
			t.release(group, q)
			freed = append(freed, q)
		}
	}
	if len(freed) > 0 {
		dst = appendUnlock(dst, group, client, freed)
	}
	return dst
}

func (t *Table) release(group string, q message.Queue) {
	queues := t.live[group]
	delete(queues, q)
	if len(queues) == 0 {
		delete(t.live, group)
	}
}

// Owner returns who holds the queue now.
func (t *Table) Owner(group string, q message.Queue, nowMillis int64) (client string, ok bool) {
	h, ok := t.live[group][q]
	if !ok || h.expired(nowMillis) {
		return "", false
	}
	return h.client, true
}

// Holder is Owner with how long ago the owner renewed the lock, in ms.
func (t *Table) Holder(group string, q message.Queue, nowMillis int64) (client string, ageMillis int64, ok bool) {
	client, ok = t.Owner(group, q, nowMillis)
	if !ok {
		return "", 0, false
	}
	return client, max(nowMillis-t.live[group][q].renewed, 0), true
}

// Held reports whether the group holds any lock that has not expired: then it consumes in order, and a message that it
// fails for good must not come back behind its successors.
func (t *Table) Held(group string, nowMillis int64) bool {
	for _, h := range t.live[group] {
		if !h.expired(nowMillis) {
			return true
		}
	}
	return false
}

// Sweep forgets expired locks, lets those that were renewed later than now count from now, and returns, per group and owner, the change that makes the log forget what nobody holds
// any more; without it the owners that died would stay in every snapshot. Once a minute is often enough.
func (t *Table) Sweep(nowMillis int64) (changes [][]byte) {
	for group, queues := range t.live {
		for q, h := range queues {
			switch {
			case h.expired(nowMillis):
				t.release(group, q)
			case h.renewed > nowMillis: // the clock went back: a dead owner must not keep the queue until it is there again
				h.renewed = nowMillis
				queues[q] = h
			}
		}
	}
	var stale []key
	for k := range t.logged {
		if _, ok := t.live[k.group][k.queue]; !ok {
			stale = append(stale, k)
		}
	}
	t.emitLogged(stale, func(group, client string, queues []message.Queue) {
		changes = append(changes, appendUnlock(nil, group, client, queues))
	})
	return changes
}

func (t *Table) compare(a, b key) int {
	return cmp.Or(
		cmp.Compare(a.group, b.group),
		cmp.Compare(t.logged[a], t.logged[b]),
		cmp.Compare(a.queue.Topic, b.queue.Topic),
		cmp.Compare(a.queue.ID, b.queue.ID))
}
