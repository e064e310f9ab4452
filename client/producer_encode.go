package client

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/compression"
	"github.com/aerobee-mq/aerobee/protocol"
)

const propInstanceID = "INSTANCE_ID" // the namespace, as Java's clients write it

// check says what makes a message unfit to be sent.
func (p *Producer) check(m *Message) error {
	if m == nil {
		return fmt.Errorf("client: the message is nil: %w", ErrIllegal)
	}
	if n := len(m.Body); n > p.config.MaxMessageSize {
		return fmt.Errorf("client: the body of a message to topic %s has %d bytes, MaxMessageSize is %d: %w: %w",
			m.Topic, n, p.config.MaxMessageSize, ErrTooLarge, ErrIllegal)
	}
	if err := checkText("tag", m.Tag); err != nil {
		return err
	}
	for _, key := range m.Keys {
		if key == "" || strings.Contains(key, message.KeySeparator) {
			return fmt.Errorf("client: key %.40q is empty or has a space, which separates keys: %w", key, ErrIllegal)
		}
		if err := checkText("key", key); err != nil {
			return err
		}
	}
	for name, value := range m.Properties {
		if name == "" || reserved(name) {
			return fmt.Errorf("client: property %.40q is not for users: %w", name, ErrIllegal)
		}
		if err := checkText("name of a property", name); err != nil {
			return err
		}
		if err := checkText("property "+name, value); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses the two characters that separate properties.
func checkText(what, text string) error {
	for i := range len(text) {
		if text[i] == 1 || text[i] == 2 {
			return fmt.Errorf("client: the %s has the character 0x%02x at %d, which separates properties: %w", what, text[i], i, ErrIllegal)
		}
	}
	return nil
}

// reserved reports whether a property is written by the client or the broker alone.
func reserved(name string) bool {
	switch name {
	case message.PropKeys, message.PropTags, message.PropWait, message.PropDelay, message.PropRetryTopic, message.PropRealTopic,
		message.PropRealQueueID, message.PropTransaction, message.PropProducerGroup, message.PropMinOffset, message.PropMaxOffset,
		message.PropOriginMessageID, message.PropReconsumeTime, message.PropMaxReconsumeTimes, message.PropRegion, message.PropTraceOn,
		message.PropUniqueKey, message.PropCRC, propInstanceID:
		return true
	}
	return false
}

// appendProperties appends a message's properties. id is its unique key.
func (p *Producer) appendProperties(dst message.Properties, m *Message, id []byte) (message.Properties, error) {
	for name, value := range m.Properties {
		dst = message.AppendProperty(dst, name, value)
	}
	if len(m.Keys) > 0 {
		dst = append(append(dst, message.PropKeys...), 1)
		for i, key := range m.Keys {
			if i > 0 {
				dst = append(dst, message.KeySeparator...)
			}
			dst = append(dst, key...)
		}
		dst = append(dst, 2)
	}
	if m.Tag != "" {
		dst = message.AppendProperty(dst, message.PropTags, m.Tag)
	}
	if m.DelayLevel > 0 {
		dst = append(append(dst, message.PropDelay...), 1)
		dst = append(strconv.AppendInt(dst, int64(m.DelayLevel), 10), 2)
	}
	dst = p.appendEnvelope(dst)
	dst = append(append(dst, message.PropUniqueKey...), 1)
	dst = append(append(dst, id...), 2)
	if len(dst) > message.MaxPropertiesSize {
		return dst, fmt.Errorf("client: the properties of a message to topic %s have %d bytes, the limit is %d: %w: %w",
			m.Topic, len(dst), message.MaxPropertiesSize, ErrTooLarge, ErrIllegal)
	}
	return dst, nil
}

// appendEnvelope appends the properties that every request has.
func (p *Producer) appendEnvelope(dst message.Properties) message.Properties {
	dst = append(dst, "WAIT\x01true\x02"...)
	if p.ns != "" {
		dst = message.AppendProperty(dst, propInstanceID, string(p.ns))
	}
	return dst
}

// prepare makes what is the same for all tries of a message: id, properties, body.
func (s *sending) prepare(m *Message) error {
	if err := s.p.check(m); err != nil {
		return err
	}
	s.id = s.p.client.unique.Append(s.id[:0])
	var err error
	if s.props, err = s.p.appendProperties(s.props[:0], m, s.id); err != nil {
		return err
	}
	s.m, s.body, s.flag = m, m.Body, m.Flag
	if over := s.p.config.CompressOver; over >= 0 && len(m.Body) > over {
		kind := s.p.config.Compression
		s.packed = compression.Append(s.packed[:0], m.Body, kind, s.p.config.CompressionLevel)
		if len(s.packed) < len(m.Body) {
			s.body, s.sysFlag = s.packed, kind.Flag()
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
