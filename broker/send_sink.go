package broker

import (
	"sync"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
	"github.com/aerobee-mq/aerobee/remoting"
	"github.com/aerobee-mq/aerobee/store"
)

// pendingSend is one send between the reader that gave it to the store and the committer that answers it. The answer is
// built in its own buffers, so that two committing goroutines (one may be the watchdog's) never share any.
type pendingSend struct {
	request protocol.Frame // opaque, encoding and one-way bit of the request
	queue   message.QueueID
	uniq    []byte
	ids     []byte
	scratch []byte
	reply   protocol.Frame
	fields  protocol.Fields
}

// sendSink answers the sends of one connection. Committed builds each answer into the connection's out buffer, Flush
// writes them all in one go. Slots are reused, so that a send allocates nothing.
type sendSink struct {
	broker *Broker
	conn   *remoting.Conn

	mu    sync.Mutex
	slots []*pendingSend
	free  []uint32
}

// open reserves a slot for a send and returns its token. uniq is copied.
func (k *sendSink) open(f *protocol.Frame, queue message.QueueID, uniq []byte) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	var at uint32
	if n := len(k.free); n > 0 {
		at = k.free[n-1]
		k.free = k.free[:n-1]
	} else {
		at = uint32(len(k.slots))
		k.slots = append(k.slots, nil)
	}
	p := k.slots[at]
	if p == nil {
		p = &pendingSend{}
		k.slots[at] = p
	}
	p.request = protocol.Frame{Encoding: f.Encoding, Code: f.Code, Opaque: f.Opaque, Flag: f.Flag}
	p.queue = queue
	p.uniq = append(p.uniq[:0], uniq...)
	return uint64(at)
}

func (k *sendSink) slot(token uint64) *pendingSend {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.slots[token]
}

// keptSlots bounds the slots that a connection keeps with their buffers: a burst does not hold memory for ever.
const keptSlots = 2048

// close gives a slot back.
func (k *sendSink) close(token uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.free) >= keptSlots {
		k.slots[token] = nil
	}
	k.free = append(k.free, uint32(token))
}

// Committed answers one send: with its place in the log when it was stored, with the reason when it was not.
func (k *sendSink) Committed(token uint64, recs []store.Appended, err error) {
	p := k.slot(token)
	k.broker.stats.committed(recs, err)
	if err != nil && len(recs) == 0 {
		k.broker.noteRefused(err)
	}
	if !p.request.IsOneway() {
		k.reply(p, recs, err)
	}
	k.close(token)
}

func (k *sendSink) reply(p *pendingSend, recs []store.Appended, err error) {
	code, remark := int32(protocol.ResSuccess), ""
	if err != nil {
		r := k.broker.refusalOf(err)
		code, remark = r.code, r.remark
	}
	p.reply = p.request.Reply(code, remark)
	p.fields = p.fields[:0]
	if len(recs) > 0 {
		p.ids = p.ids[:0]
		for i := range recs {
			if i > 0 {
				p.ids = append(p.ids, ',')
			}
			p.ids = message.AppendID(p.ids, k.broker.opt.StoreHost, recs[i].LogOffset)
		}
		h := protocol.SendMessageResponseHeader{MsgID: p.ids, QueueID: int32(p.queue), QueueOffset: int64(recs[0].QueueOffset), TransactionID: p.uniq}
		p.scratch = h.AppendScratch(&p.fields, p.scratch[:0])
	}
	p.fields = append(p.fields, k.broker.regionFields...)
	p.reply.Fields = p.fields
	k.conn.Append(&p.reply)
}

// Flush writes the answers that Committed has built since the last one.
func (k *sendSink) Flush() { k.conn.Flush() }
