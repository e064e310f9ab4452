package convert

import (
	"crypto/md5" // #nosec G501 -- a digest that clients compare, guards nothing
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/proxy/check"
	"github.com/aerobee-mq/aerobee/proxy/pb"
)

// Message is a record as gRPC clients get it. Nothing of it aliases the record. Compressed bodies are given out uncompressed, unless they cannot be
// read: of the codecs that remoting producers use, no gRPC client knows all.
func Message(r *message.Record) *pb.Message { return (*Inflation)(nil).Message(r) }

// Message is [Message] with a body that is left compressed until [Inflation.Open].
func (in *Inflation) Message(r *message.Record) *pb.Message {
	m := &pb.Message{Topic: Resource(string(r.Topic)), SystemProperties: &pb.SystemProperties{}}
	sys := m.SystemProperties
	in.setBody(m, r)
	sys.QueueId = int32(r.QueueID)
	sys.QueueOffset = new(int64(r.QueueOffset))
	sys.DeliveryAttempt = new(r.ReconsumeTimes + 1)
	sys.BornTimestamp, sys.StoreTimestamp = timestamp(r.BornTime), timestamp(int64(r.StoreTime))
	sys.StoreHost = r.StoreHost.String()
	sys.MessageType = pb.MessageType_NORMAL
	setProperties(m, r.Properties)
	if sys.BornHost == "" {
		sys.BornHost = bornHost(r.BornHost)
	}
	if sys.MessageId == "" {
		sys.MessageId = string(message.AppendID(nil, r.StoreHost, r.LogOffset))
	}
	return m
}

func bornHost(a netip.AddrPort) string { return a.Addr().Unmap().String() }

func timestamp(ms int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: floorDiv(ms, 1000), Nanos: int32(ms-floorDiv(ms, 1000)*1000) * 1e6}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (in *Inflation) setBody(m *pb.Message, r *message.Record) {
	sys := m.SystemProperties
	sys.BodyEncoding = pb.Encoding_IDENTITY
	if r.SysFlag&message.FlagCompressed != 0 {
		sys.BodyEncoding = pb.Encoding_GZIP
		switch kind, err := compression.Of(r.SysFlag); {
		case err != nil:
		case in != nil:
			if in.kept == nil {
				in.kept = map[*pb.Message]compression.Kind{}
			}
			in.kept[m] = kind
		default:
			if plain, err := compression.Decompress(nil, r.Body, kind, maxInflated); err == nil {
				m.Body, sys.BodyEncoding = plain, pb.Encoding_IDENTITY
			}
		}
	}
	if m.Body == nil {
		m.Body = append(make([]byte, 0, len(r.Body)), r.Body...)
	}
	setDigest(m)
}

func setDigest(m *pb.Message) {
	sum := md5.Sum(m.Body) // #nosec G401 -- see the import
	m.SystemProperties.BodyDigest = &pb.Digest{Type: pb.DigestType_MD5, Checksum: strings.ToUpper(hex.EncodeToString(sum[:]))}
}

// found is what of the properties says the type of a message.
type found struct{ half, timed, ordered, lite, priority bool }

func (f *found) kind() pb.MessageType {
	switch {
	case f.half:
		return pb.MessageType_TRANSACTION
	case f.timed:
		return pb.MessageType_DELAY
	case f.ordered:
		return pb.MessageType_FIFO
	case f.priority:
		return pb.MessageType_PRIORITY
	case f.lite:
		return pb.MessageType_LITE
	}
	return pb.MessageType_NORMAL
}

func setProperties(m *pb.Message, p message.Properties) {
	sys := m.SystemProperties
	var f found
	var deadTopic, deadID string
	for k, v := range p.All() {
		name, value := string(k), string(v)
		switch name {
		case message.PropTags:
			sys.Tag = &value
		case message.PropKeys:
			sys.Keys = strings.Fields(value)
		case message.PropUniqueKey:
			sys.MessageId = value
		case message.PropTransaction:
			f.half = value == "true"
		case message.PropDelay:
			f.timed = true
		case message.PropTimerDeliverMS:
			f.timed = true
			if at, err := strconv.ParseInt(value, 10, 64); err == nil {
				sys.DeliveryTimestamp = timestamp(at)
			}
		case message.PropTimerDelaySec, message.PropTimerDelayMS:
			f.timed = true
		case message.PropShardingKey:
			f.ordered, sys.MessageGroup = true, &value
			setUser(m, name, value)
		case check.PropPriority:
			if n, err := strconv.ParseInt(value, 10, 32); err == nil {
				f.priority, sys.Priority = true, new(int32(n))
			}
		case check.PropLiteTopic:
			f.lite, sys.LiteTopic = true, &value
		case check.PropBornHost:
			sys.BornHost = value
		case message.PropPopCheckpoint:
			sys.ReceiptHandle = &value
		case check.PropTraceContext:
			sys.TraceContext = &value
		case message.PropDLQOriginTopic:
			deadTopic = value
		case message.PropDLQOriginID:
			deadID = value
		default:
			if !hidden(name) {
				setUser(m, name, value)
			}
		}
	}
	sys.MessageType = f.kind()
	if deadTopic != "" && deadID != "" {
		sys.DeadLetterQueue = &pb.DeadLetterQueue{Topic: deadTopic, MessageId: deadID}
	}
}

func setUser(m *pb.Message, name, value string) {
	if m.UserProperties == nil {
		m.UserProperties = map[string]string{}
	}
	m.UserProperties[name] = value
}

// hidden reports whether a property is no user's business. RocketMQ shows the transaction's id and the message group, and so do we.
func hidden(name string) bool {
	return check.Reserved(name) || name == message.PropImmunity || name == message.PropCheckTimes ||
		name == message.PropMultiDispatch || name == message.PropInnerNum || name == message.PropInnerBase || strings.HasPrefix(name, message.PropTransientPrefix)
}

// SetReceipt says by which handle a message is acknowledged, and how long it is out of sight.
func SetReceipt(m *pb.Message, handle string, invisible time.Duration) {
	m.SystemProperties.ReceiptHandle = &handle
	m.SystemProperties.InvisibleDuration = durationpb.New(invisible)
}

// Resource is a name as gRPC clients know it.
func Resource(name string) *pb.Resource {
	prefix, rest := "", name
	for _, p := range []string{message.RetryPrefix, message.DLQPrefix} {
		if strings.HasPrefix(name, p) {
			prefix, rest = p, name[len(p):]
		}
	}
	if i := strings.IndexByte(rest, '%'); i > 0 {
		return &pb.Resource{ResourceNamespace: rest[:i], Name: prefix + rest[i+1:]}
	}
	return &pb.Resource{Name: name}
}
