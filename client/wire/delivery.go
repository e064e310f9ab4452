package wire

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Queue names one queue of a topic on one broker.
type Queue = protocol.MessageQueue

// Delivery is one message as a consumer gets it. Its texts and its Body share one buffer with the other messages that came with the
// same answer of the broker: what is kept for long is better kept as a [Delivery.Clone].
type Delivery struct {
	// Message is what the producer sent. Topic is the topic it was sent to, without the client's namespace, also when it comes again
	// by way of the group's retry topic. Properties holds what the producer added and nothing of RocketMQ's own; see [Delivery.Property].
	Message

	ID       string // the producer's unique id, or OffsetID if it gave none
	OffsetID string // where the broker stored it: its address and log offset in hex

	Queue     Queue               // the queue that it was read from: one of the retry topic when it comes again
	Offset    message.QueueOffset // its number in that queue
	LogOffset message.LogOffset   // its place in the broker's log

	BornAt, StoredAt    time.Time // when the producer made it, when the broker stored it
	BornHost, StoreHost netip.AddrPort
	ReconsumeTimes      int             // how often it failed before
	SysFlag             message.SysFlag // as stored, without the bit of a compressed body
	StoreSize           int             // bytes of the record
	BodyCRC             uint32          // of the body as stored, which may be compressed

	// Receipt is what a message that was popped is acknowledged by; "" for one that was pulled. It changes with its invisible time.
	Receipt string

	properties message.Properties
	size       int    // bytes that it keeps alive
	broken     error  // why its body could not be read; such a message reaches no handler
	chunk      *chunk // of the process queue that holds it, with what follows; guarded by the consumer's lock
	done       bool
	alone      [1]*Delivery // what a handler of one message is given
	startedAt  time.Time
}

// Property is any property of the message, RocketMQ's own included; "" when it is not there.
func (d *Delivery) Property(name string) string { return d.properties.GetString(name) }

// Clone is a copy that shares no memory with d nor with other deliveries.
func (d *Delivery) Clone() *Delivery {
	c := *d
	c.chunk, c.done, c.startedAt, c.alone = nil, false, time.Time{}, [1]*Delivery{}
	c.Topic, c.Tag, c.ID, c.OffsetID = strings.Clone(d.Topic), strings.Clone(d.Tag), strings.Clone(d.ID), strings.Clone(d.OffsetID)
	c.Body, c.properties = slices.Clone(d.Body), slices.Clone(d.properties)
	c.Keys = slices.Clone(d.Keys)
	for i, key := range c.Keys {
		c.Keys[i] = strings.Clone(key)
	}
	if d.Properties != nil {
		c.Properties = make(map[string]string, len(d.Properties))
		for name, value := range maps.All(d.Properties) {
			c.Properties[strings.Clone(name)] = strings.Clone(value)
		}
	}
	return &c
}

// Broken is why a delivery's body could not be read, nil if it was; such a one reaches no handler.
func Broken(d *Delivery) error { return d.broken }

// Properties are all properties as they were stored.
func Properties(d *Delivery) message.Properties { return d.properties }

// HandOut is the list for a user, who may do to it what he likes: sort it, cut it, clear it.
func HandOut(ds []*Delivery) []*Delivery {
	if len(ds) > 1 {
		return slices.Clone(ds)
	}
	d := ds[0]
	d.alone[0] = d // without an allocation
	return d.alone[:]
}
