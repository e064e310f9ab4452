package broker

import (
	"sync"

	"github.com/aerobee-mq/aerobee/broker/meter"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/metrics/latency"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// pendingSend is what the answer needs of a send between the reader that gave it to the store and the committer that
// answers it. Thousands may be on their way, so it is small: 104 bytes.
type pendingSend struct {
	opaque, flag int32
	queue        message.QueueID
	encoding     protocol.Encoding
	shortLen     uint8
	short        [36]byte // the unique key, if it is no longer than usual
	code         uint16   // the request's
	received     uint32   // as the request's frame has it
	in           *meter.In
	long         []byte // else
	recall       string // the recall handle of a timer message
}

// answer is the memory in which one answer is built.
type answer struct {
	uniq, ids, scratch []byte
	recall             string
	frame              protocol.Frame
	fields             protocol.Fields
}

// sendSink answers the sends of one connection. Committed builds each answer into the connection's out buffer, Flush
// writes them all in one go. Slots are reused, so that a send allocates nothing.
type sendSink struct {
	broker *Broker
	conn   *remoting.Conn

	mu    sync.Mutex // guards what follows
	slots []pendingSend
	free  []uint32
	spare *answer     // nil while it is in use: two goroutines may answer at once, one of them the watchdog's
	came  meter.Tally // since the last Flush, as the next one
	took  latency.Batch
}

// open reserves a slot for a send and returns its token. uniq is copied.
func (k *sendSink) open(f *protocol.Frame, in *meter.In, queue message.QueueID, uniq []byte, recall string) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	var at uint32
	if n := len(k.free); n > 0 {
		at = k.free[n-1]
		k.free = k.free[:n-1]
	} else {
		at = uint32(len(k.slots))
		k.slots = append(k.slots, pendingSend{})
	}
	p := &k.slots[at]
	p.opaque, p.flag, p.encoding, p.queue, p.recall = f.Opaque, f.Flag, f.Encoding, queue, recall
	p.code, p.received, p.in = uint16(f.Code), f.Received, in
	if len(uniq) > len(p.short) {
		p.shortLen, p.long = 0, append(p.long[:0], uniq...)
	} else {
		p.shortLen, p.long = uint8(copy(p.short[:], uniq)), nil
	}
	return uint64(at)
}

// keptSlots bounds the slots that a connection keeps when none is in use: a burst does not hold memory for ever.
const keptSlots = 2048

// close gives a slot back.
func (k *sendSink) close(token uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closeLocked(token)
}

func (k *sendSink) closeLocked(token uint64) {
	k.free = append(k.free, uint32(token))
	if len(k.free) == len(k.slots) && len(k.slots) > keptSlots {
		k.slots, k.free = nil, nil
	}
}

// take ends a send: its slot is free again, and what the answer needs of it is in the answer's memory, which is nil for a
// one-way send.
func (k *sendSink) take(token uint64, recs []store.Appended, code int32) (a *answer, queue message.QueueID, received uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &k.slots[token]
	queue, received = p.queue, p.received
	for i := range recs {
		k.came.Add(p.in, len(recs[i].Record))
	}
	p.in = nil
	k.took.Add(k.broker.opt.Latencies, latency.Call{Request: int32(p.code), Response: code, Oneway: p.flag&protocol.FlagOneway != 0}, latency.Stamp(p.received))
	request := protocol.Frame{Encoding: p.encoding, Opaque: p.opaque, Flag: p.flag}
	if !request.IsOneway() {
		if a = k.spare; a == nil {
			a = &answer{}
		}
		k.spare = nil
		a.uniq = append(append(a.uniq[:0], p.short[:p.shortLen]...), p.long...)
		a.frame, a.recall = request.Reply(protocol.ResSuccess, ""), p.recall
	}
	k.closeLocked(token)
	return a, queue, received
}

// Committed answers one send: with its place in the log when it was stored, with the reason when it was not.
func (k *sendSink) Committed(token uint64, recs []store.Appended, err error) {
	code := int32(protocol.ResSuccess)
	if err != nil {
		code = k.broker.refusalOf(err).Code
	}
	a, queue, received := k.take(token, recs, code)
	k.broker.opt.Spans.Stored(recs, received, code)
	if err != nil && len(recs) == 0 {
		k.broker.stats.putFailed.Add(1)
		k.broker.noteRefused(err)
	}
	if a == nil {
		return
	}
	k.reply(a, queue, recs, err)
	k.mu.Lock()
	k.spare = a
	k.mu.Unlock()
}

func (k *sendSink) reply(a *answer, queue message.QueueID, recs []store.Appended, err error) {
	if err != nil {
		r := k.broker.refusalOf(err)
		a.frame.Code, a.frame.Remark = r.Code, r.Remark
	}
	a.fields = a.fields[:0]
	if len(recs) > 0 {
		a.ids = a.ids[:0]
		for i := range recs {
			if i > 0 {
				a.ids = append(a.ids, ',')
			}
			a.ids = message.AppendID(a.ids, k.broker.opt.StoreHost, recs[i].LogOffset)
		}
		h := protocol.SendMessageResponseHeader{MsgID: a.ids, QueueID: int32(queue), QueueOffset: int64(recs[0].QueueOffset), TransactionID: a.uniq, RecallHandle: a.recall}
		a.scratch = h.AppendScratch(&a.fields, a.scratch[:0])
	}
	a.fields = append(a.fields, k.broker.regionFields...)
	a.frame.Fields = a.fields
	k.conn.Append(&a.frame)
}

// Flush writes the answers that Committed has built since the last one.
func (k *sendSink) Flush() {
	k.mu.Lock()
	k.came.Flush()
	k.took.Flush(k.broker.opt.Latencies)
	k.mu.Unlock()
	k.conn.Flush()
}
