package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/cluster"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
)

// Message is a stored message. Its body is decompressed, but where the bodies of one answer become more than 16 MiB, or cannot be
// decompressed: there they stay as they are stored, and SysFlag says how.
type Message struct {
	Queue
	ID             string // the unique id that the producer gave it, "" if it gave none
	OffsetID       string // where it lies: broker address and log offset
	Offset         int64  // in its queue
	Tag            string
	Keys           []string
	Properties     map[string]string
	Body           []byte
	BornAt         time.Time
	BornHost       netip.AddrPort
	StoredAt       time.Time
	StoreHost      netip.AddrPort
	ReconsumeTimes int
	StoreSize      int   // bytes of its record
	LogOffset      int64 // where the record begins
	Flag           int32 // the user's
	SysFlag        int32
	BodyCRC        uint32
	Prepared       int64 // the log offset of the pending entry that it completes, 0 for none
}

// Query looks for messages of a topic by key.
type Query struct {
	Topic string
	Key   string
	// Unique tells that Key is a message's unique id and not one of its keys.
	Unique bool
	// From and To bound the time at which the messages were stored; zero is no bound.
	From, To time.Time
	// Index says what Key is, to brokers since 5.4: K a key, U a unique id, T a tag; "" leaves it to Unique.
	Index string
	// LastKey is the index entry to go on behind, for brokers that keep their index in RocksDB; others pass over it.
	LastKey string
	// Max is how many messages a broker gives, newest first; 0 is 32.
	Max int
	// NoBody leaves bodies out: who only wants to know of messages need not hold what they say.
	NoBody bool
}

// Messages finds messages by key or unique id, the oldest first (12 of each broker that has the topic). None is an empty list.
// Brokers answer from an index over hashes; what does not have the key is left out here.
func (a *Admin) Messages(ctx context.Context, q Query) ([]Message, error) {
	brokers, err := a.routed(ctx, q.Topic)
	if err != nil {
		return nil, err
	}
	h := &protocol.QueryMessageHeader{Topic: q.Topic, Key: q.Key, MaxNum: int32(min(cmp.Or(max(q.Max, 0), 32), math.MaxInt32)), EndTimestamp: math.MaxInt64, UniqueKey: q.Unique || q.Index == "U", IndexType: q.Index,
		LastKey: q.LastKey}
	if !q.From.IsZero() {
		h.BeginTimestamp = q.From.UnixMilli()
	}
	if !q.To.IsZero() {
		h.EndTimestamp = q.To.UnixMilli()
	}
	found := make([][]Message, len(brokers))
	err = onAny(brokers, func(i int, b Broker, addr string) error {
		answer, err := a.call(ctx, addr, protocol.ReqQueryMessage, h, nil)
		if errors.Is(err, cluster.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		found[i], err = parseMessages(answer.Body, b.Name, q.NoBody)
		return err
	})
	out := slices.DeleteFunc(slices.Concat(found...), func(m Message) bool {
		switch {
		case q.Unique || q.Index == "U":
			return m.ID != q.Key
		case q.Index == "T":
			return m.Tag != q.Key
		}
		return !slices.Contains(m.Keys, q.Key)
	})
	slices.SortStableFunc(out, func(x, y Message) int { return x.StoredAt.Compare(y.StoredAt) })
	return out, err
}

// MessageAt reads the message that an offset message id names (33). The id holds the address of its broker, which need not be one
// that can be reached from here: if it is none of the cluster's, all brokers are asked, and only the very record counts.
// A message that is not there is [cluster.ErrNotFound].
func (a *Admin) MessageAt(ctx context.Context, id string) (Message, error) {
	return a.messageAt(ctx, id, false)
}

func (a *Admin) messageAt(ctx context.Context, id string, noBody bool) (Message, error) {
	host, at, err := message.ParseID(id)
	if err != nil {
		return Message{}, fmt.Errorf("admin: %w", err)
	}
	brokers, err := a.Brokers(ctx)
	if err != nil {
		return Message{}, err
	}
	if i := slices.IndexFunc(brokers, func(b Broker) bool { return hasAddr(b, host.String()) }); i >= 0 {
		brokers = brokers[i : i+1]
	}
	found := make([]*Message, len(brokers))
	refused := make([]error, len(brokers))
	err = onAny(brokers, func(i int, b Broker, addr string) error {
		answer, err := a.call(ctx, addr, protocol.ReqViewMessageByID, &protocol.ViewMessageHeader{Offset: int64(at)}, nil)
		var no *cluster.Error
		if errors.As(err, &no) {
			refused[i] = err
			return nil
		}
		if err != nil {
			return err
		}
		list, err := parseMessages(answer.Body, b.Name, noBody)
		if err == nil && len(list) == 1 && strings.EqualFold(list[0].OffsetID, id) {
			found[i] = &list[0]
		}
		return nil // what is not a record, or another one, is not the message
	})
	for _, m := range found {
		if m != nil {
			return *m, nil
		}
	}
	if err == nil {
		err = refusal(protocol.ResQueryNotFound, protocol.ReqViewMessageByID, "no broker has a message with offset id %s%s", id, why(refused))
	}
	return Message{}, err
}

// why is what one of the brokers said, for the end of an error.
func why(refused []error) string {
	var e *cluster.Error
	if errors.As(errors.Join(refused...), &e) && e.Remark != "" {
		return " (" + e.Remark + ")"
	}
	return ""
}

func hasAddr(b Broker, addr string) bool {
	for _, have := range b.Addrs {
		if have == addr {
			return true
		}
	}
	return false
}

// maxOpened bounds what the bodies of one answer become together, in bytes: an answer of 32 small ones may become 2 GiB.
const maxOpened = 16 << 20

// parseMessages decodes the stored records of an answer, without their bodies if told so.
func parseMessages(b []byte, broker string, noBody bool) ([]Message, error) {
	var out []Message
	room := maxOpened
	for len(b) > 0 {
		rec, err := message.ParseChecked(b)
		if err != nil {
			return out, fmt.Errorf("admin: record %d of the answer of broker %s: %w", len(out), broker, err)
		}
		m := newMessage(&rec, broker)
		if !noBody {
			m.Body = openBody(&rec, &room)
		}
		out = append(out, m)
		b = b[rec.Size:]
	}
	return out, nil
}

// openBody decompresses a record's body, if that can be done and there is room for what it becomes. A body that is not what its producer
// says must not hide the messages beside it.
func openBody(rec *message.Record, room *int) []byte {
	if rec.SysFlag&message.FlagCompressed == 0 {
		return rec.Body
	}
	plain, err := compression.BodyWithin(rec.Body, rec.SysFlag, *room)
	if err != nil {
		return rec.Body
	}
	*room -= len(plain)
	return plain
}

// newMessage is a record without its body.
func newMessage(rec *message.Record, broker string) Message {
	m := Message{
		Queue:  Queue{BrokerName: broker, QueueID: int32(rec.QueueID), Topic: string(rec.Topic)},
		Offset: int64(rec.QueueOffset), OffsetID: string(message.AppendID(nil, rec.StoreHost, rec.LogOffset)), Tag: string(rec.Tags()),
		Properties: map[string]string{}, BornAt: timeOf(rec.BornTime), BornHost: rec.BornHost, StoredAt: timeOf(int64(rec.StoreTime)),
		StoreHost: rec.StoreHost, ReconsumeTimes: int(rec.ReconsumeTimes), StoreSize: rec.Size, LogOffset: int64(rec.LogOffset), Flag: rec.Flag,
		SysFlag: int32(rec.SysFlag), BodyCRC: rec.BodyCRC, Prepared: int64(rec.PreparedOffset),
	}
	for name, value := range rec.Properties.All() {
		m.Properties[string(name)] = string(value)
	}
	delete(m.Properties, message.PropCRC)
	m.ID = m.Properties[message.PropUniqueKey]
	m.Keys = strings.Fields(m.Properties[message.PropKeys])
	return m
}
