// Package partial counts what of gRPC requests has come that are not complete yet: it looks at the bytes that a connection brings, as they pass. A server
// keeps what it has of a request until the rest comes, and one connection may have a thousand of them under way.
//
// A [Meter] is one connection's, and for one goroutine, but for [Meter.Held].
package partial

import (
	"encoding/binary"
	"sync/atomic"
)

// HTTP/2 (RFC 9113): a frame is a head of nine bytes, length (24 bits), kind, flags and stream (31 bits), and its payload.
const (
	prefaceSize = 24
	headSize    = 9
	kindData    = 0
	kindHeaders = 1
	kindReset   = 3
	flagEnd     = 0x1 // of data and headers: the client says no more on this stream
	flagPadded  = 0x8 // of data: the first byte tells how many at the end are none
)

// prefixSize is that of a gRPC message's prefix: whether it is compressed, and its length (32 bits).
const prefixSize = 5

// What gRPC's transport keeps a frame in, in bytes: up to the first size a buffer of the frame's own size and what leads to it, then one of the next sizes.
const (
	smallFrame = 1 << 10
	frameCost  = 192
	oneBuffer  = 4 << 10
	nextBuffer = 16 << 10
)

// over is what a frame's buffer holds beyond its payload. Larger frames than gRPC takes end the connection.
func over(payload int) int64 {
	switch {
	case payload <= smallFrame:
		return frameCost
	case payload <= oneBuffer:
		return int64(oneBuffer - payload)
	case payload <= nextBuffer:
		return int64(nextBuffer - payload)
	}
	return 0
}

// Meter counts the bytes of messages of which only a part has come, with the buffers in which they are kept.
type Meter struct {
	most   int // streams that may be open
	broken bool
	held   atomic.Int64

	skip    int // bytes of the preface that are to come
	head    [headSize]byte
	have    int    // bytes of the head
	left    int    // bytes of the frame's payload that are to come, without its padding
	padding int    // bytes behind them; -1: the next byte tells
	kind    byte   // of the frame
	flags   byte   // of the frame
	begins  bool   // nothing of the frame's payload has come
	over    int64  // what its buffer holds beyond its payload
	stream  uint32 // of the frame
	streams map[uint32]*message
}

// message is one that is coming.
type message struct {
	prefix [prefixSize]byte
	have   int   // bytes of the prefix
	need   int64 // bytes of the message that are to come
	got    int64 // bytes that have, and what their buffers hold beyond them
}

// New makes a meter for a connection of which nothing was read. most is how many streams it may have open.
func New(most int) *Meter { return &Meter{most: most, skip: prefaceSize} }

// Held is how many bytes are kept of messages that are not complete. It may be called by anybody.
func (m *Meter) Held() int64 { return m.held.Load() }

// Broken tells that parts of messages have come on twice as many streams as may be open. Some of the streams do not exist, and which ones only gRPC
// knows: a well-meant client never comes so far, and the connection is to be closed. It is for who calls Feed.
func (m *Meter) Broken() bool { return m.broken }

// Feed looks at what has come, and returns by how much that changes what is held.
func (m *Meter) Feed(b []byte) (change int64) {
	before := m.held.Load()
	for len(b) > 0 {
		switch {
		case m.skip > 0:
			n := min(m.skip, len(b))
			m.skip -= n
			b = b[n:]
		case m.have < headSize:
			n := copy(m.head[m.have:], b)
			b = b[n:]
			if m.have += n; m.have == headSize {
				m.begin()
			}
		case m.padding < 0:
			m.padding = min(int(b[0]), m.left)
			m.left -= m.padding
			b = b[1:]
			m.endIfDone()
		case m.left > 0:
			n := min(m.left, len(b))
			if m.kind == kindData {
				m.data(b[:n])
			}
			m.left -= n
			b = b[n:]
			m.endIfDone()
		default:
			n := min(m.padding, len(b))
			m.padding -= n
			b = b[n:]
			m.endIfDone()
		}
	}
	return m.held.Load() - before
}

// begin begins a frame, whose head is there.
func (m *Meter) begin() {
	m.left = int(m.head[0])<<16 | int(m.head[1])<<8 | int(m.head[2])
	m.kind, m.flags, m.padding = m.head[3], m.head[4], 0
	m.stream = binary.BigEndian.Uint32(m.head[5:]) &^ (1 << 31)
	m.begins, m.over = true, over(m.left)
	if m.kind == kindData && m.flags&flagPadded != 0 && m.left > 0 {
		m.left--
		m.padding = -1
	}
	m.endIfDone()
}

// endIfDone ends a frame of which all has come.
func (m *Meter) endIfDone() {
	if m.left > 0 || m.padding != 0 {
		return
	}
	m.have = 0
	ends := m.flags&flagEnd != 0 && (m.kind == kindData || m.kind == kindHeaders)
	if ends || m.kind == kindReset {
		m.forget(m.stream)
	}
}

// data takes a part of a stream's messages. The frame's buffer is kept for each message that it leaves incomplete.
func (m *Meter) data(b []byte) {
	begins := m.begins
	m.begins = false
	for len(b) > 0 && !m.broken {
		s := m.streams[m.stream]
		if s == nil {
			begins = true
			s = &message{}
			if m.streams == nil {
				m.streams = map[uint32]*message{}
			}
			m.streams[m.stream] = s
			m.broken = len(m.streams) > 2*m.most
		}
		if begins {
			s.got += m.over
			m.held.Add(m.over)
			begins = false
		}
		if s.have < prefixSize {
			n := copy(s.prefix[s.have:], b)
			b = b[n:]
			if s.have += n; s.have == prefixSize {
				s.need = int64(binary.BigEndian.Uint32(s.prefix[1:]))
			}
		}
		n := min(s.need, int64(len(b)))
		b = b[n:]
		s.need -= n
		s.got += n
		m.held.Add(n)
		if s.have == prefixSize && s.need == 0 { // it is complete
			m.forget(m.stream)
		}
	}
}

func (m *Meter) forget(stream uint32) {
	if s := m.streams[stream]; s != nil {
		m.held.Add(-s.got)
		delete(m.streams, stream)
	}
	if len(m.streams) == 0 {
		m.streams = nil // a map does not shrink
	}
}
