package pop

import "github.com/aerobee-mq/aerobee/message"

// Ack decides about acknowledgements whose handles show the pop time, and appends the change to write, if any. Known
// counts those that will count; the others do not change anything, and clients are told that all is well. Offsets are
// sorted, at most MaxMessages of them.
//
// What the table does not know is acknowledged, or its copy is in a retry topic: then nothing is left to be done. Or it
// lies above the frontier because a crash has taken its pop out of the log: those are in lost, and go to AckLost.
func (t *Table) Ack(dst []byte, k Key, popTime int64, offs []message.QueueOffset) (change []byte, known int, lost []message.QueueOffset) {
	q := t.lookup(k)
	if q == nil {
		return dst, 0, nil
	}
	var good []message.QueueOffset
	for _, off := range offs[:min(len(offs), maxPerChange)] {
		switch {
		case t.good(q, off, popTime):
			good = append(good, off)
		case t.lost(q, off, popTime):
			lost = append(lost, off)
		}
	}
	if len(good) == 0 {
		return dst, 0, lost
	}
	return appendAck(dst, kindAck, k, popTime, good), len(good), lost
}

// AckLost appends the change for acknowledgements of pops that a crash has taken out of the log, so that the messages do
// not come again. The caller has made sure that each message was stored at the pop time or before: else it is another
// one, which has taken the offset of one that the crash took as well.
func (t *Table) AckLost(dst []byte, k Key, popTime int64, offs []message.QueueOffset) (change []byte) {
	return appendAck(dst, kindAhead, k, popTime, offs[:min(len(offs), maxPerChange)])
}

// good reports whether a handle is good for what is in flight, or will be when the lease that is out is applied.
func (t *Table) good(q *queue, off message.QueueOffset, popTime int64) bool {
	if id, ok := t.find(q, off); ok {
		return q.counts(popTime, t.slot(id)) || q.mark != 0 && q.ordered
	}
	return q.mark != 0 && (!q.born || off >= q.frontier) && !t.lost(q, off, popTime)
}

func (t *Table) claimed(q *queue, off message.QueueOffset) bool {
	id, ok := t.find(q, off)
	return ok && t.slot(id).pos == posClaimed
}

// lost reports whether a handle is of a pop that a crash has taken out of the log.
func (t *Table) lost(q *queue, off message.QueueOffset, popTime int64) bool {
	return q.born && off >= q.frontier && popTime < t.since && popTime > q.since
}

// Renew decides about a change of invisible time and appends the change to write, if any. A client that suspends a message
// asks for it later without having tried it: then the delivery does not count, see [Message]. newPopTime and newInvisible make
// up the new handle; in an ordered queue the pop time stays and the invisible time counts from it. If the entry is not
// known, nothing is written and the client gets its new handle all the same, as from RocketMQ.
func (t *Table) Renew(dst []byte, k Key, off message.QueueOffset, popTime, invisible int64, suspend bool, nowMillis int64) (change []byte, newPopTime, newInvisible int64, known bool) {
	invisible = max(0, min(invisible, maxMillis))
	newPopTime, newInvisible = nowMillis, invisible
	q := t.lookup(k)
	if q == nil {
		return dst, newPopTime, newInvisible, false
	}
	if q.ordered {
		newPopTime, newInvisible = popTime, nowMillis+invisible-popTime
	}
	if q.ordered && q.mark != 0 || !t.good(q, off, popTime) || t.claimed(q, off) { // else it is too late: it is on its way
		return dst, newPopTime, newInvisible, false
	}
	return appendRenew(dst, k, off, popTime, nowMillis, invisible, suspend), newPopTime, newInvisible, true
}
