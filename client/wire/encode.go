package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aerobee-mq/aerobee/client/namespace"
	"github.com/aerobee-mq/aerobee/message"
)

const propInstanceID = "INSTANCE_ID" // the namespace, as Java's clients write it

// ErrTooLarge is wrapped by errors about bodies and properties beyond their limit.
var ErrTooLarge = errors.New("message too large")

// Check says what makes a message unfit to be sent; bodies have up to maxBody bytes. The names of topics are not looked at.
func Check(m *Message, maxBody int) error {
	if m == nil {
		return errors.New("the message is nil")
	}
	if n := len(m.Body); n > maxBody {
		return fmt.Errorf("the body of a message to topic %s has %d bytes, MaxMessageSize is %d: %w",
			m.Topic, n, maxBody, ErrTooLarge)
	}
	if err := checkText("tag", m.Tag); err != nil {
		return err
	}
	for _, key := range m.Keys {
		if key == "" || strings.Contains(key, message.KeySeparator) {
			return fmt.Errorf("key %.40q is empty or has a space, which separates keys", key)
		}
		if err := checkText("key", key); err != nil {
			return err
		}
	}
	if err := checkTime(m); err != nil {
		return err
	}
	for name, value := range m.Properties {
		if name == "" || reserved(name) {
			return fmt.Errorf("property %.40q is not for users", name)
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

// Waits reports whether a message is to be delivered later.
func Waits(m *Message) bool { return m.DelayLevel > 0 || !m.DeliverAt.IsZero() || hasTimer(m) }

func hasTimer(m *Message) bool {
	return m.Properties[message.PropTimerDeliverMS] != "" || m.Properties[message.PropTimerDelayMS] != "" || m.Properties[message.PropTimerDelaySec] != ""
}

func checkTime(m *Message) error {
	if !m.DeliverAt.IsZero() && (m.DelayLevel > 0 || hasTimer(m)) {
		return fmt.Errorf("DeliverAt is %v, and DelayLevel (%d) or a property TIMER_… is set too", m.DeliverAt, m.DelayLevel)
	}
	return nil
}

// checkText refuses the two characters that separate properties.
func checkText(what, text string) error {
	for i := range len(text) {
		if text[i] == 1 || text[i] == 2 {
			return fmt.Errorf("the %s has the character 0x%02x at %d, which separates properties", what, text[i], i)
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

// AppendProperties appends all properties of a message. id is its unique key.
func AppendProperties(dst message.Properties, m *Message, id []byte, ns namespace.Namespace) (message.Properties, error) {
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
	if !m.DeliverAt.IsZero() {
		dst = append(append(dst, message.PropTimerDeliverMS...), 1)
		dst = append(strconv.AppendInt(dst, ceilMillis(m.DeliverAt), 10), 2)
	}
	dst = AppendEnvelope(dst, ns)
	dst = append(append(dst, message.PropUniqueKey...), 1)
	dst = append(append(dst, id...), 2)
	if len(dst) > message.MaxPropertiesSize {
		return dst, fmt.Errorf("the properties of a message to topic %s have %d bytes, the limit is %d: %w",
			m.Topic, len(dst), message.MaxPropertiesSize, ErrTooLarge)
	}
	return dst, nil
}

// ceilMillis is a time in milliseconds since 1970, rounded up: no message comes early.
func ceilMillis(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}

// AppendEnvelope appends the properties that every request has.
func AppendEnvelope(dst message.Properties, ns namespace.Namespace) message.Properties {
	dst = append(dst, "WAIT\x01true\x02"...)
	if ns != "" {
		dst = message.AppendProperty(dst, propInstanceID, string(ns))
	}
	return dst
}

// JoinIDs is n unique keys of one length, given one behind the other, with commas between, as traces have those of a batch.
func JoinIDs(ids []byte, n int) string {
	size := len(ids) / n
	var out strings.Builder
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(ids[i*size : (i+1)*size])
	}
	return out.String()
}
