package store

import (
	"fmt"

	"github.com/aerobee-mq/aerobee/message"
	"github.com/aerobee-mq/aerobee/message/light"
)

// What GetMatching reads at a time, and in all: a filter that drops nearly everything must not keep a pull for long,
// nor need much memory.
const (
	portionCount  = 64
	portionBytes  = 256 << 10
	maxMatchBytes = 16 << 20
)

// GetMatching is Get for a filter that must see the messages' properties. match judges one message and says whether it
// may be asked for more; the properties are its until it returns. At most minScanned messages, and not much more than maxMatchBytes
// bytes of them, are looked at; where nothing matched among them the status is NoMatchedMessage, and Next is behind them.
func (s *Store) GetMatching(dst []byte, q message.Queue, from message.QueueOffset, maxCount, maxBytes int, match func(message.Properties) (wanted, more bool)) ([]byte, GetResult) {
	m := matching{topic: q.Topic, start: len(dst), maxCount: maxCount, maxBytes: maxBytes, more: true, match: match}
	var out GetResult
	for next, left := from, max(minScanned, maxCount); m.more && left > 0 && m.read < maxMatchBytes; {
		at := len(dst)
		var res GetResult
		dst, res = s.Get(dst, q, next, min(portionCount, left), portionBytes, nil)
		if res.Err != nil || res.Status != Found {
			if next == from {
				return dst[:m.start], res
			}
			break // the end, retention has passed us, or what cannot be read: the next call will say which
		}
		left -= res.Count
		out = res
		var err error
		if dst, out.Next, err = m.take(dst, at, res.Next); err != nil {
			out.Err = fmt.Errorf("get from topic %s, queue %d, offset %d: %w", q.Topic, q.ID, next, err)
			return dst[:m.start], out
		}
		next = out.Next
	}
	out.Count, out.Status = m.count, Found
	if m.count == 0 {
		out.Status = NoMatchedMessage
	}
	return dst, out
}

// matching is what GetMatching remembers from one portion to the next.
type matching struct {
	topic              string
	start              int // where the messages begin in dst
	maxCount, maxBytes int
	count              int // messages taken
	read               int // bytes looked at
	more               bool
	match              func(message.Properties) (wanted, more bool)
}

// take keeps those of the records from at on that match, and returns the offset to go on from: next, or that of the first
// record that was not looked at or not taken.
func (m *matching) take(dst []byte, at int, next message.QueueOffset) ([]byte, message.QueueOffset, error) {
	kept := at
	for rest := dst[at:]; len(rest) > 0; {
		r, err := message.ParseRecord(rest)
		if err != nil {
			return dst[:kept], next, err
		}
		if !m.more {
			return dst[:kept], light.OffsetIn(m.topic, &r), nil
		}
		wanted := false
		wanted, m.more = m.match(r.Properties)
		if wanted {
			if m.count > 0 && kept-m.start+r.Size > m.maxBytes {
				m.more = false
				return dst[:kept], light.OffsetIn(m.topic, &r), nil
			}
			kept += copy(dst[kept:], rest[:r.Size])
			m.count++
			m.more = m.more && m.count < m.maxCount
		}
		m.read += r.Size
		rest = rest[r.Size:]
	}
	return dst[:kept], next, nil
}
