package client

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aerobee-mq/aerobee/client/wire"
	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
)

// check says what makes a message unfit to be sent.
func (p *Producer) check(m *Message) error {
	return unfit(wire.Check(m, p.config.MaxMessageSize))
}

// unfit words an error of package wire, nil for none.
func unfit(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("client: %w: %w", err, ErrIllegal)
}

// appendProperties appends a message's properties. id is its unique key.
func (p *Producer) appendProperties(dst message.Properties, m *Message, id []byte) (message.Properties, error) {
	dst, err := wire.AppendProperties(dst, m, id, p.ns)
	return dst, unfit(err)
}

// prepare makes what is the same for all tries of a message: id, properties, body.
func (s *sending) prepare(m *Message) error {
	if err := s.p.check(m); err != nil {
		return err
	}
	s.began = time.Now()
	s.id = s.p.client.unique.AppendAt(s.id[:0], s.began)
	var err error
	s.props = s.props[:0]
	if s.p.checks != nil {
		s.sysFlag = message.FlagTransactionPrepared
		s.props = message.AppendProperty(append(s.props, message.PropTransaction+"\x01true\x02"...), message.PropProducerGroup, s.p.group)
	}
	if s.props, err = s.p.appendProperties(s.props, m, s.id); err != nil {
		return err
	}
	s.m, s.body, s.flag = m, m.Body, m.Flag
	if over := s.p.config.CompressOver; over >= 0 && len(m.Body) > over {
		kind := s.p.config.Compression
		s.packed = compression.Append(s.packed[:0], m.Body, kind, s.p.config.CompressionLevel)
		if len(s.packed) < len(m.Body) {
			s.body, s.sysFlag = s.packed, s.sysFlag|kind.Flag()
		}
	}
	return nil
}

// encode makes the head of a request out of its queue's.
func (s *sending) encode(queueHead []byte) {
	h := append(s.head[:0], queueHead...)
	var number [20]byte
	h = protocol.AppendBinaryField(h, "f", strconv.AppendInt(number[:0], int64(s.sysFlag), 10))
	h = protocol.AppendBinaryField(h, "g", strconv.AppendInt(number[:0], s.began.UnixMilli(), 10))
	h = protocol.AppendBinaryField(h, "h", strconv.AppendInt(number[:0], int64(s.flag), 10))
	h = protocol.AppendBinaryField(h, "i", s.props)
	code, flag := int32(protocol.ReqSendMessageV2), int32(0)
	if s.batch != nil {
		code = protocol.ReqSendBatchMessage
		h = protocol.AppendBinaryField(h, "m", append(number[:0], "true"...))
	} else {
		h = protocol.AppendBinaryField(h, "m", append(number[:0], "false"...))
	}
	if s.oneWay {
		flag = protocol.FlagOneway
	}
	protocol.StampBinary(h, code, flag)
	protocol.SealBinary(h, len(s.body))
	s.head = h
}
